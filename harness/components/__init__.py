"""One module per part of the platform: how it is run locally."""
