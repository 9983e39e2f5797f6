"""What the Prometheus Operator would make of the platform's objects."""
