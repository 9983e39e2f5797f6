"""`python -m fawkes.harness.link --config FILE`: relay until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from pydantic import ValidationError

from fawkes.harness.link.relay import LinkConfig, relay


def main(argv: list[str] | None = None) -> int:
    """0 after a clean stop, 3 when the configuration cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m fawkes.harness.link", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="a LinkConfig as JSON")
    path = parser.parse_args(argv).config
    try:
        config = LinkConfig.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as err:
        print(f"{path}: not a usable LinkConfig: {err}; correct the file", file=sys.stderr)  # noqa: T201
        return 3
    asyncio.run(_until_signal(config))
    return 0


async def _until_signal(config: LinkConfig) -> None:
    task = asyncio.ensure_future(relay(config))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        return


if __name__ == "__main__":
    sys.exit(main())
