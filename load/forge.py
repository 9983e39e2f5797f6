"""Forged history: blocks with true timestamps, as Prometheus and its sidecar would have left them behind.

    spec -> OpenMetrics text -> promtool -> blocks --> every replica's data directory
                                               `--> object store (a job per replica, before the platform queries it)

Every sample is computable from the seed, so the truth that `run` records does not come from what was written.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from fawkes.harness.child import run
from fawkes.harness.duration import DurationS, format_duration
from fawkes.harness.errors import ComponentError, ProviderError
from fawkes.harness.model import Component, Json, Ready
from fawkes.harness.world import Recorder, Site, World

METRIC: Final = "fawkes_forged"

BLOCK_WIDTH_S: Final = 18 * 3600
"""Prometheus deletes whole blocks, so this is how precisely a retention can be judged; below a day, or a limit that is
off by one day could hide in it. promtool only makes 2h * 3^n (2h, 6h, 18h, 54h): a block costs it about 20 ms
whatever it holds, so 40 days take 1 s at 18h and 3 s at 6h."""

_PROMTOOL_WITHIN_S: Final = 60.0
"""Sixty times what it needs for 40 days on an idle core."""

_UPLOAD_WITHIN_S: Final = 120.0
"""55 blocks take about 2 s; a year of them would take ten times that, and cores are shared."""

_BUCKETS: Final = {"prometheus-learner": "learner"}
"""ADR-012 gives the Learner a bucket of its own (90 days); all others share `core`."""

_META: Final = "meta.json"
_CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""The alphabet of ULIDs (github.com/ulid/spec)."""


class ForgeSpec(BaseModel):
    """A `workload` entry: `{do: forge, apps: [prometheus-core], days: 40}`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    do: Literal["forge"]
    apps: tuple[str, ...] = Field(min_length=1, description="Whose replicas get a history, e.g. prometheus-core.")
    days: int = Field(default=40, ge=1, le=395, description="How far back it goes; at most 13 months.")
    # At most 2h: of a retention one day too short, 24h less a block's width less a step show, and must hold a sample.
    step: DurationS = Field(
        default=3600.0, ge=60, le=2 * 3600, multiple_of=1, description="Time between two samples of a series."
    )
    series: int = Field(default=4, ge=1, le=100, description="Series per app.")

    @field_validator("apps")
    @classmethod
    def _each_once(cls, apps: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(apps)) < len(apps):
            raise ValueError("an app is named twice; name each one once")
        return apps


def forged_value(seed: int, app: str, series: int, at_s: int) -> float:
    """The value of that sample: 0 .. 2^43 in steps of 2^-10, 53 bits, so that it survives text exactly."""
    digest = hashlib.blake2b(f"{seed}/{app}/{series}/{at_s}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / 1024


def forged_times_s(spec: ForgeSpec, end_s: float) -> range:
    """Unix seconds of the samples: every multiple of the step in the `days` that end at `end_s`."""
    step_s = int(spec.step)
    first = -int(-(end_s - spec.days * 86400) // step_s) * step_s
    return range(first, int(end_s) + 1, step_s)


def forged_series(spec: ForgeSpec, app: str, *, run_id: str, seed: int, end_s: float) -> list[dict[str, Json]]:
    """The whole truth of one app: `[{labels, samples: [[unix_s, value], ...]}, ...]`.

    The label `samples` says how many there are, so that a reader can tell when a series is whole.
    """
    times_s = forged_times_s(spec, end_s)
    return [
        {
            "labels": {"run_id": run_id, "app": app, "series": str(n), "samples": str(len(times_s))},
            "samples": [[t, forged_value(seed, app, n, t)] for t in times_s],
        }
        for n in range(spec.series)
    ]


def openmetrics(series: Sequence[dict[str, Json]]) -> Iterator[str]:
    """Lines of OpenMetrics text (with `# EOF`) that hold these series."""
    yield f"# TYPE {METRIC} gauge\n"
    for one in series:
        labels = ",".join(f'{name}="{value}"' for name, value in one["labels"].items())
        for at_s, value in one["samples"]:
            yield f"{METRIC}{{{labels}}} {value!r} {at_s}\n"
    yield "# EOF\n"


class Forge:
    """The driver `forge`."""

    spec: type[BaseModel] = ForgeSpec

    def components(self, spec: ForgeSpec, site: Site) -> Sequence[Component]:
        """Write the blocks into the replicas' data directories; jobs `forge-upload-<part>` put them into the bucket.

        Raises ComponentError when promtool refuses the text, ProviderError when the disk does not take the blocks.
        """
        _work(site.directory).mkdir(parents=True, exist_ok=True)
        try:
            with ThreadPoolExecutor(max_workers=len(spec.apps)) as pool:
                per_app = list(pool.map(lambda app: _forge_app(spec, app, site), spec.apps))
        except OSError as error:
            raise ProviderError(f"cannot write forged blocks: {error}; free space there, then run again") from error
        return [job for jobs in per_app for job in jobs]

    def run(self, spec: ForgeSpec, world: World, record: Recorder) -> None:
        """Record the truth: one `forged` record per replica; and a `note` on how time was treated.

        The blocks are in the bucket by now, so what was staged goes.
        """
        width = format_duration(BLOCK_WIDTH_S)
        record("note", text=f"forged history: {spec.days} days with true timestamps, in blocks of {width}")
        for app in spec.apps:
            for part in world.replicas(app):
                record("forged", **json.loads(_truth_file(world.directory, part).read_text()))
        shutil.rmtree(_work(world.directory))


def _forge_app(spec: ForgeSpec, app: str, site: Site) -> list[Component]:
    """promtool runs once per app: replicas scrape the same targets, so only ULID and external labels differ."""
    series = forged_series(spec, app, run_id=site.run_id, seed=site.seed, end_s=site.started_at_s)
    text = _work(site.directory) / f"{app}.om"
    with text.open("w") as file:
        file.writelines(openmetrics(series))
    original = _work(site.directory) / f"{app}.blocks"
    _promtool(site.binary("promtool"), app, text, original)
    jobs = []
    for part in site.replicas(app):
        staged = _work(site.directory) / part
        ulids = _adopt(original, staged, random.Random(f"{site.seed}/{part}"))
        _settle(staged, site.data_directory(part), ulids)
        truth = _truth(app, part, series, blocks=len(ulids))
        _truth_file(site.directory, part).write_text(json.dumps(truth))
        jobs.append(_upload(app, part, staged, site))
    shutil.rmtree(original)
    return jobs


def _promtool(promtool: Path, app: str, text: Path, out: Path) -> None:
    out.mkdir()
    width = format_duration(BLOCK_WIDTH_S)
    argv = [str(promtool), "tsdb", "create-blocks-from", "openmetrics", f"--max-block-duration={width}", "--quiet"]
    argv += [str(text), str(out)]
    who = f"forge of {app}"
    done = run(argv, cwd=out, environ=os.environ, within_s=_PROMTOOL_WITHIN_S)
    if done.exit_code is None:
        message = f"promtool was not done after {_PROMTOOL_WITHIN_S:g} s; forge fewer days or series"
        raise ComponentError(who, message, argv=argv)
    if done.exit_code or not _blocks(out):
        message = "promtool made no blocks; run the command by hand and read what it says"
        raise ComponentError(who, message, argv=argv, exit_code=done.exit_code, log_tail="\n".join(done.lines))


def _adopt(original: Path, staged: Path, rng: random.Random) -> list[str]:
    """Copy the blocks under ULIDs of this replica's own: the bucket knows a block by nothing else."""
    staged.mkdir()
    ulids = []
    for block in _blocks(original):
        # The first 10 characters are the time of creation, the other 16 are random.
        ulid = block.name[:10] + "".join(rng.choices(_CROCKFORD, k=16))
        shutil.copytree(block, staged / ulid, copy_function=_link, ignore=shutil.ignore_patterns(_META))
        meta: dict[str, Any] = json.loads((block / _META).read_text())
        meta["ulid"] = ulid
        meta["compaction"]["sources"] = [ulid]
        (staged / ulid / _META).write_text(json.dumps(meta))
        ulids.append(ulid)
    return ulids


def _link(source: str, target: str) -> None:
    """Blocks are never written again, only replaced or deleted, so replicas may share their files' content."""
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copyfile(source, target)


def _settle(staged: Path, data_directory: Path, ulids: Sequence[str]) -> None:
    """Put the blocks where the replica will find them. It deletes what is beyond its retention when it opens them."""
    for ulid in ulids:
        shutil.copytree(staged / ulid, data_directory / ulid, copy_function=_link)
    # The sidecar's own list of what it has shipped (thanos pkg/shipper, version 1): the jobs below do that.
    shipped = {"version": 1, "uploaded": list(ulids)}
    (data_directory / "thanos.shipper.json").write_text(json.dumps(shipped))


def _upload(app: str, part: str, staged: Path, site: Site) -> Component:
    """Thanos' own shipper, the code that the sidecar runs, from a copy that no Prometheus deletes from."""
    labels = [f'--label={name}="{value}"' for name, value in sorted(site.external_labels(part).items())]
    objstore = site.objstore_file(_BUCKETS.get(app, "core"))
    return Component(
        name=f"forge-upload-{part}",
        app=f"forge-upload-{app}",
        argv=(
            str(site.binary("thanos")),
            *("tools", "bucket", "upload-blocks"),
            f"--objstore.config-file={objstore}",
            f"--path={staged}",
            *labels,
        ),
        ready=Ready(by="exit", within_s=_UPLOAD_WITHIN_S),
        after=("buckets",),
    )


def _truth(app: str, part: str, series: list[dict[str, Json]], *, blocks: int) -> dict[str, Json]:
    return {
        "part": part,
        "app": app,
        "metric": METRIC,
        "series": series,
        "min_s": series[0]["samples"][0][0],
        "max_s": series[0]["samples"][-1][0],
        "blocks": blocks,
        "block_width_s": BLOCK_WIDTH_S,
    }


def _work(directory: Path) -> Path:
    return directory / "work" / "forge"


def _truth_file(directory: Path, part: str) -> Path:
    return _work(directory) / f"{part}.json"


def _blocks(directory: Path) -> list[Path]:
    return sorted(meta.parent for meta in directory.glob(f"*/{_META}"))
