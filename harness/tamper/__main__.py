"""`python -m fawkes.harness.tamper --config FILE`: serve until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path

from pydantic import ValidationError

from fawkes.harness.tamper.config import TamperConfig
from fawkes.harness.tamper.proxy import TamperServer


def main(argv: list[str] | None = None) -> int:
    """0 after a clean stop, 3 when the configuration cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m fawkes.harness.tamper", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="a TamperConfig as JSON")
    args = parser.parse_args(argv)
    try:
        config = TamperConfig.model_validate_json(args.config.read_bytes())
    except (OSError, ValidationError) as err:
        print(f"{args.config}: not a usable configuration: {err}; correct the file", file=sys.stderr)  # noqa: T201
        return 3
    # Blocked before any thread starts, so that only sigwait below ever sees them.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    with TamperServer(config) as server:
        threading.Thread(target=server.serve_forever, name="serve", daemon=True).start()
        signal.sigwait({signal.SIGTERM, signal.SIGINT})
        server.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
