"""The machine: starts a platform, drives it, records what happens and judges the record."""
