"""What makes traffic, with known truth: events, series, queries. Records, never judges."""
