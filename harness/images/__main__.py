"""`python -m fawkes.harness.images COMMAND...`: runs it while a Docker answers, one of our own where there is none.

For tests and measurements, which use the Docker that answers and start none. The exit code is the command's.
"""

from __future__ import annotations

import os
import subprocess
import sys

from fawkes.harness.errors import HarnessError
from fawkes.harness.eventually import RealClock
from fawkes.harness.images.own_engine import running_docker
from fawkes.harness.signals import listen


def main(argv: list[str]) -> int:
    """Leaves with an exit code in any case."""
    listen()
    try:
        with running_docker(environ=os.environ, clock=RealClock(), progress=_say) as docker:
            return subprocess.run(argv, env=dict(docker.environ), check=False).returncode
    except KeyboardInterrupt:
        return 130
    except (HarnessError, OSError) as error:
        _say(str(error))
        return 3


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
