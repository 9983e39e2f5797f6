"""Checks: pure functions of the record, one per property."""
