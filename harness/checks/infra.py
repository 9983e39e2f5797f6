"""What only a look inside a running part tells: its binary, flags, ports, user, files, mounts, and who sees secrets.

An observer records, for each part and each demand, what it `saw`, or the `trouble` that kept it from looking.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, StringConstraints, model_validator

from fawkes.harness.expectation import Expectation
from fawkes.harness.model import Finding, History, Json, Observation, Record, Stage, Verdict

Demand = Literal["binary", "flags", "listens", "non_root", "read_only_root", "hides_secrets", "files", "mounts"]
"""What may be demanded of a part; the fields of the same names."""


AbsolutePath = Annotated[str, StringConstraints(pattern="^/")]


class FileDemand(BaseModel):
    """What must be true of a file, a directory, or what a link leads to."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str | None = Field(
        default=None,
        min_length=1,
        description="In the part's own file system; relative to its working directory.",
    )
    flag: str | None = Field(default=None, description="Instead of `path`: the file that this flag of the part names.")
    exists: bool = True
    at_most: Annotated[str, StringConstraints(pattern="^0[0-7]{3}$")] | None = Field(
        default=None, description='No permission beyond this mode, e.g. "0640": nothing for others.'
    )
    owner: NonNegativeInt | None = Field(default=None, description="User id, e.g. 65534.")

    @model_validator(mode="after")
    def _there_or_not(self) -> FileDemand:
        if not self.exists and (self.at_most is not None or self.owner is not None):
            raise ValueError("a file that must not exist has neither mode nor owner")
        return self

    @model_validator(mode="after")
    def _named_once(self) -> FileDemand:
        if (self.path is None) == (self.flag is None):
            raise ValueError("name a file either by its path or by the flag that names it")
        return self

    @property
    def name(self) -> str:
        """Unique in its expectation: the path, or the flag as it is given."""
        return self.path or f"--{self.flag}"


class InfraExpectation(Expectation):
    """What runs in every replica of `apps`, and how. Needs `needs: [inspect]`."""

    check: Literal["infra"] = "infra"
    apps: tuple[str, ...] = Field(min_length=1, description="Whose replicas are looked into, e.g. [prometheus-core].")
    binary: str | None = Field(default=None, description="What runs is this one, in the version that is pinned.")
    flags: dict[str, bool | int | str] = Field(
        default={},
        description="Flag without dashes -> its value; true: given without one; false: not given.",
    )
    listens: tuple[str, ...] | None = Field(
        default=None,
        description="Names of the TCP ports on which it listens, and no others: [http, grpc]. "
        "Where a part shares the machine's network, on loopback only.",
    )
    non_root: bool = Field(default=False, description="No process of it has the user id 0, whichever of the four.")
    read_only_root: bool = Field(default=False, description="Its root file system can't be written to.")
    hides_secrets: bool = Field(
        default=False, description="No secret of the run is in the arguments or the environment of a process of it."
    )
    files: tuple[FileDemand, ...] = ()
    mounts: dict[AbsolutePath, Literal["ro", "rw", "none"]] = Field(
        default={}, description="Absolute path -> how something is mounted there, if anything."
    )

    @property
    def demands(self) -> tuple[Demand, ...]:
        """What is demanded, in the order of the fields. `listens: []` is a demand, too."""
        asked = {name: getattr(self, name) for name in _JUDGES}
        return tuple(name for name, value in asked.items() if value or (name == "listens" and value is not None))

    @model_validator(mode="after")
    def _demands_something(self) -> InfraExpectation:
        if not self.demands:
            raise ValueError(f"nothing is demanded; name at least one of {', '.join(_JUDGES)}")
        return self


@dataclass(frozen=True, slots=True)
class _Line:
    """One thing that was demanded, and what was seen of it."""

    what: str
    expected: Json
    observed: Json
    ok: bool
    note: str = ""


def check_infra(expect: InfraExpectation, history: History) -> Finding:
    """FAIL at `part` for the first demand that a part does not meet, whatever else could not be looked at.

    INCONCLUSIVE when something demanded was not looked at, or could not be, in any replica of an app.
    """
    evidence: list[Observation] = []
    unknown: list[str] = []
    for app in expect.apps:
        for demand in expect.demands:
            records = history.of("inside", expectation=expect.name, app=app, demand=demand)
            if not records:
                unknown.append(f"nobody looked at {demand} of {app}")
            for record in records:
                if (trouble := record.data.get("trouble")) is not None:
                    unknown.append(f"{demand} of {record.data['source']} could not be seen: {trouble}")
                else:
                    evidence += _observations(expect, demand, record)
    wrong = [line for line in evidence if not line.ok]
    if wrong:
        verdict, stage, reason = Verdict.FAIL, Stage.PART, f"{wrong[0].source}: {wrong[0].note}"
    elif unknown:
        verdict, stage, reason = Verdict.INCONCLUSIVE, Stage.HARNESS, unknown[0]
    else:
        parts = len({line.source for line in evidence})
        verdict, stage = Verdict.PASS, None
        reason = f"{len(evidence)} demands on {parts} part{'s' if parts != 1 else ''} are met"
    shown = wrong or evidence
    return Finding(
        expectation=expect.name,
        check=expect.check,
        verdict=verdict,
        expected={f"{line.source} {line.subject['of']}": line.expected for line in shown},
        observed={f"{line.source} {line.subject['of']}": line.observed for line in shown},
        reason=reason,
        stage=stage,
        evidence=tuple(evidence),
    )


def _observations(expect: InfraExpectation, demand: Demand, record: Record) -> Iterator[Observation]:
    for line in _JUDGES[demand](expect, record.data["seen"]):
        subject = {"of": line.what}
        yield Observation(Stage.PART, record.data["source"], line.expected, line.observed, line.ok, line.note, subject)


def _binary(expect: InfraExpectation, seen: Json) -> Iterator[_Line]:
    told = seen["version"]
    note = f"runs {expect.binary} {told}" if told else f"what runs tells no version of {expect.binary}"
    yield _Line("version", seen["pinned"], told, seen["accepted"], f"{note}, pinned is {seen['pinned']}")


def _flags(expect: InfraExpectation, seen: Json) -> Iterator[_Line]:
    for flag, wanted in expect.flags.items():
        value = _given(seen[flag])
        expected = wanted if isinstance(wanted, bool) else str(wanted)
        note = f"--{flag} is {_told(value)} instead of {_told(expected)}"
        yield _Line(f"--{flag}", expected, value, value == expected, note)


def _given(values: Sequence[str | bool]) -> Json:
    """As an expectation has it; several when the flag was given more than once."""
    return False if not values else values[0] if len(values) == 1 else list(values)


def _listens(expect: InfraExpectation, seen: Json) -> Iterator[_Line]:
    wanted = sorted(seen["ports"][name] for name in expect.listens or ())
    found = sorted({port for _, port in seen["sockets"]})
    yield _Line("ports", wanted, found, found == wanted, f"listens on {_list(found)}, not on {_list(wanted)}")
    if not seen["own_network"]:
        open_to_all = sorted(
            {f"{address} port {port}" for address, port in seen["sockets"] if not ip_address(address).is_loopback}
        )
        note = f"listens on {_list(open_to_all)}, which other machines may reach"
        yield _Line("ports beyond loopback", [], open_to_all, not open_to_all, note)


def _non_root(expect: InfraExpectation, seen: Json) -> Iterator[_Line]:
    yield _Line("user ids", "not 0", seen, 0 not in seen, "a process of it runs as root")


def _read_only_root(expect: InfraExpectation, seen: Json) -> Iterator[_Line]:
    yield _Line("root file system", "ro", seen, seen == "ro", "its root file system can be written to")


def _hides_secrets(expect: InfraExpectation, seen: Json) -> Iterator[_Line]:
    """Of `looked_for` secrets, `shown` tells by name which are seen where."""
    shown = sorted(f"{one['secret']} in {one['where']}" for one in seen["shown"])
    note = f"shows {_list(shown)} to whoever may look at its processes"
    yield _Line(f"secrets shown, of {seen['looked_for']}", [], shown, not shown, note)


def _files(expect: InfraExpectation, seen: Json) -> Iterator[_Line]:
    for demand in expect.files:
        path, found = demand.name, seen[demand.name]
        there = found is not None
        word = "is there" if there else "is not there"
        yield _Line(path, "there" if demand.exists else "not there", found, there == demand.exists, f"{path} {word}")
        if found is not None and demand.at_most is not None:
            ok = not int(found["mode"], 8) & ~int(demand.at_most, 8)
            note = f"{path} has mode {found['mode']}, at most {demand.at_most} is allowed"
            yield _Line(f"{path} mode", demand.at_most, found["mode"], ok, note)
        if found is not None and demand.owner is not None:
            note = f"{path} belongs to user {found['owner']}, not {demand.owner}"
            yield _Line(f"{path} owner", demand.owner, found["owner"], found["owner"] == demand.owner, note)


def _mounts(expect: InfraExpectation, seen: Json) -> Iterator[_Line]:
    for path, wanted in expect.mounts.items():
        note = f"{path} is mounted {seen[path]}, not {wanted}"
        yield _Line(f"{path} mounted", wanted, seen[path], seen[path] == wanted, note)


def _told(value: Json) -> str:
    """A flag's value in words."""
    if isinstance(value, bool):
        return "given without a value" if value else "not given"
    return f"given as {_list(value)}" if isinstance(value, list) else str(value)


def _list(things: Sequence[object]) -> str:
    return ", ".join(map(str, things)) or "nothing"


_JUDGES: Final[Mapping[Demand, Callable[[InfraExpectation, Json], Iterator[_Line]]]] = {
    "binary": _binary,
    "flags": _flags,
    "listens": _listens,
    "non_root": _non_root,
    "read_only_root": _read_only_root,
    "hides_secrets": _hides_secrets,
    "files": _files,
    "mounts": _mounts,
}
