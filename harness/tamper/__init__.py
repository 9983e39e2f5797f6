"""A proxy that breaks what passes through it, for mutants: `python -m fawkes.harness.tamper --config FILE`."""
