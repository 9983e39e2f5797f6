"""`python -m fawkes.harness.tamper --config FILE`: serve until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from fawkes.harness.serve import serve_until_signal
from fawkes.harness.tamper.config import TamperConfig
from fawkes.harness.tamper.proxy import TamperServer


def main(argv: list[str] | None = None) -> int:
    """0 after a clean stop, 3 when the configuration cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m fawkes.harness.tamper", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="a TamperConfig as JSON")
    return serve_until_signal(parser.parse_args(argv).config, TamperConfig, TamperServer)


if __name__ == "__main__":
    sys.exit(main())
