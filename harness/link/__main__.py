"""`python -m fawkes.harness.link --config FILE`: relay until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from fawkes.harness.link.relay import LinkConfig, relay
from fawkes.harness.serve import read_config


def main(argv: list[str] | None = None) -> int:
    """0 after a clean stop, 3 when the configuration cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m fawkes.harness.link", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="a LinkConfig as JSON")
    if (config := read_config(parser.parse_args(argv).config, LinkConfig)) is None:
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
