"""How the harness' own small servers run: a JSON file says what to serve, a signal ends it."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

Config = TypeVar("Config", bound=BaseModel)


def serve_until_signal(path: Path, model: type[Config], make: Callable[[Config], ThreadingHTTPServer]) -> int:
    """Serve what `make` makes of the configuration at `path`, until SIGTERM or SIGINT. For the main thread.

    Exit code: 0 after a clean stop, 3 when the configuration cannot be used, which is told on stderr. Raises what
    `make` raises, for example OSError for a taken port.
    """
    try:
        config = model.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as err:
        print(f"{path}: not a usable {model.__name__}: {err}; correct the file", file=sys.stderr)  # noqa: T201
        return 3
    # Blocked before any thread starts, so that only sigwait below ever sees them.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    with make(config) as server:
        threading.Thread(target=server.serve_forever, name="serve", daemon=True).start()
        signal.sigwait({signal.SIGTERM, signal.SIGINT})
        server.shutdown()
    return 0
