"""What a report shows beside the verdicts: alerts, DORA values, the timeline. Pure functions of the record."""
