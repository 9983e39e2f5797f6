"""runc for a machine without CAP_SYS_RESOURCE: `docker run --privileged` asks for it and would fail.

Docker 20.10 asks for every capability there is. This stands before runc, takes what the machine doesn't have out of the
container's specification (and a lowered OOM score and raised limits, which need it too), and then is runc. Run as a
script by the container engine; it imports nothing of ours.
"""

import json
import os
import sys
from pathlib import Path

LACKING = "CAP_SYS_RESOURCE"


def within_bounds(process: dict) -> dict:  # type: ignore[type-arg]
    """The OCI `process` object without what needs the capability."""
    capabilities = {name: [one for one in of if one != LACKING] for name, of in process.get("capabilities", {}).items()}
    changed = {key: value for key, value in process.items() if key != "rlimits"}
    return {**changed, "capabilities": capabilities, "oomScoreAdj": max(0, process.get("oomScoreAdj", 0))}


def specification(arguments: list[str]) -> tuple[Path, bool] | None:
    """The file that says what to run, and whether `process` is one object in it; None where nothing is started."""
    if "create" in arguments or "run" in arguments:
        bundle = arguments[arguments.index("--bundle") + 1] if "--bundle" in arguments else "."
        return Path(bundle) / "config.json", True
    if "exec" in arguments and "--process" in arguments:
        return Path(arguments[arguments.index("--process") + 1]), False
    return None


def main() -> None:
    arguments = sys.argv[1:]
    if (found := specification(arguments)) is not None:
        path, nested = found
        said = json.loads(path.read_text())
        changed = {**said, "process": within_bounds(said["process"])} if nested else within_bounds(said)
        path.write_text(json.dumps(changed))
    os.execvp("runc", ["runc", *arguments])


if __name__ == "__main__":
    main()
