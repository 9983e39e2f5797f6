"""`python -m fawkes.harness.worker RUN_DIR SCENARIO`: records one planned scenario of a run that another process leads.

Tells what happens on standard output, a line each. Exit code 0 when the record is complete, 130 when it was
interrupted, 3 for trouble before there was a record.
"""

from __future__ import annotations

import sys
from pathlib import Path

from fawkes.harness.errors import HarnessError
from fawkes.harness.rundir import RunDirectory
from fawkes.harness.session import record_planned
from fawkes.harness.signals import listen


def main(argv: list[str]) -> int:
    """Leaves with an exit code in any case."""
    listen()
    run_dir, name = argv
    try:
        record_planned(RunDirectory(Path(run_dir)), name, lambda line: print(line, flush=True))  # noqa: T201
    except KeyboardInterrupt:
        return 130
    except HarnessError as error:
        print(error, flush=True)  # noqa: T201
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
