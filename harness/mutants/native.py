"""Broken platforms: the DORA service misreads a native sender, or believes it too much."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from fawkes.harness.model import Component, Stage
from fawkes.harness.mutants.mutant import Mutant

_SERVICE: Final = "fawkes.fixtures.services.dora"


def _rewritten(*statements: str) -> Callable[[Component], Component]:
    """The service's own code, changed by these statements as it starts."""
    code = "\n".join([*statements, f"from {_SERVICE}.__main__ import main", "main()"])

    def change(part: Component) -> Component:
        if part.app != "dora":
            return part
        python, _, _, *arguments = part.argv  # python -m fawkes.fixtures.services.dora ...
        return replace(part, argv=(python, "-c", code, *arguments))

    return change


MUTANTS: Final = (
    Mutant(
        "github_failure_is_success",
        "the adapter reads GitHub's `failure` as a success",
        "dora_native_senders",
        Stage.REST,
        change_part=_rewritten(
            f"from {_SERVICE}.adapters import github",
            "github._OUTCOMES = {**github._OUTCOMES, 'failure': 'success'}",
        ),
    ),
    Mutant(
        "prefix_believed",
        "a signature that is only its prefix, as comes of a secret that was not found, opens the door",
        "dora_native_senders",
        Stage.EVENT,
        change_part=_rewritten(
            f"from {_SERVICE} import signature",
            "is_valid = signature.is_valid",
            "signature.is_valid = lambda header, *rest: header == 'sha256=' or is_valid(header, *rest)",
        ),
    ),
    Mutant(
        "replay_believed",
        "whoever has seen a signed delivery can repeat it for a day",
        "dora_native_senders",
        Stage.EVENT,
        change_part=_rewritten(f"from {_SERVICE} import signature", "signature._TOLERANCE_S = 86400"),
    ),
    Mutant(
        "unknown_name_taken",
        "what names a repository that nobody configured is answered as if it had been taken",
        "dora_native_senders",
        Stage.EVENT,
        tampers_with="dora",
        tamper={"replace_status": {422: 200}},
    ),
)
