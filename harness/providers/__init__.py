"""Where the platform runs. `base` is the contract, each provider has a folder with the same file names."""
