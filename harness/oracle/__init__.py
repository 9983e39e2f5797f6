"""Independent ground truth. Shares no code with the platform."""
