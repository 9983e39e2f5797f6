"""One Prometheus, with the platform's features, that is written to and asked."""

from __future__ import annotations

import contextlib
import json
import random
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import httpx

from fawkes.harness.errors import ComponentError
from fawkes.harness.eventually import RealClock, eventually
from fawkes.harness.oracle.promql_proof.remote_write import write
from fawkes.harness.oracle.promql_proof.series import Series
from fawkes.harness.providers.local.ports import Ports
from fawkes.harness.providers.local.process import signal_group, spawn

_READY_WITHIN_S: Final = 30.0
"""It needs half a second; cores may be shared."""
_ANSWER_WITHIN_S: Final = 120.0
"""A range query over 20,000 series takes seconds."""
_KEEP: Final = "100y"
"""Everything written here is years old."""
_HEAD: Final = "10000h"
"""So that samples of any order between series are taken: the head refuses what is older than half of its width."""

Answers = dict[str, dict[int, float]]
"""Value of the telling label -> Unix milliseconds -> value. What isn't there was no element."""


class LivePrometheus:
    """Where it is, and how it is written to and asked."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._http = httpx.Client(base_url=url, trust_env=False, timeout=_ANSWER_WITHIN_S)

    def write(self, series: Sequence[Series]) -> None:
        """Raises ComponentError when some are refused."""
        write(self._url, series)

    def ask(self, expr: str, instants_ms: range, by: str) -> Answers:
        """`expr` at every instant, elements told by their label `by`. Raises ComponentError for an error."""
        seconds = {"start": instants_ms[0] / 1000, "end": instants_ms[-1] / 1000, "step": instants_ms.step / 1000}
        return self._values("query_range", {"query": expr, **seconds}, by)

    def stored(self, selector: str, at_s: float, range_s: float, by: str) -> Answers:
        """The samples in (at_s - range_s, at_s] as they were stored. Raises ComponentError for an error."""
        return self._values("query", {"query": f"{selector}[{round(range_s * 1000)}ms]", "time": at_s}, by)

    def _values(self, endpoint: str, question: Mapping[str, Any], by: str) -> Answers:
        said: dict[str, Any] = json.loads(self._http.post(f"/api/v1/{endpoint}", data=question).content)
        if said["status"] != "success":
            raise ComponentError("prometheus", f"{question['query']} was answered: {said['error']}")
        answers: Answers = {}
        for row in said["data"]["result"]:  # an element that loses its name on the way is two rows
            values = {round(at_s * 1000): float(value) for at_s, value in row["values"]}
            answers.setdefault(row["metric"].get(by, ""), {}).update(values)
        return answers

    def flags(self) -> Mapping[str, str]:
        """Its flags, as it tells them."""
        flags: dict[str, str] = self._http.get("/api/v1/status/flags").json()["data"]
        return flags

    def close(self) -> None:
        self._http.close()


@contextlib.contextmanager
def prometheus(binary: Path, config: str = "{}") -> Iterator[LivePrometheus]:
    """A Prometheus in a directory of its own, gone afterwards; without a `config` it scrapes nothing.

    Raises DeadlineExceeded when it does not come up.
    """
    ports = Ports(random.Random())
    port = ports.port("prometheus")
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory(prefix="fawkes-oracle-") as scratch:
        here = Path(scratch)
        (here / "prometheus.yml").write_text(config)
        argv = [
            *(str(binary), "--config.file=prometheus.yml", f"--web.listen-address=127.0.0.1:{port}"),
            *(
                "--storage.tsdb.path=data",
                f"--storage.tsdb.retention.time={_KEEP}",
                "--web.enable-remote-write-receiver",
                "--scrape.discovery-reload-interval=100ms",
            ),
            *(f"--storage.tsdb.min-block-duration={_HEAD}", f"--storage.tsdb.max-block-duration={_HEAD}"),
        ]
        process = spawn(argv, log=here / "log", run_id="oracle-proof", env={}, cwd=here)
        live = LivePrometheus(url)
        try:
            eventually(
                "Prometheus to be ready",
                lambda: httpx.get(f"{url}/-/ready", trust_env=False).status_code,
                lambda status: status == 200,
                within_s=_READY_WITHIN_S,
                clock=RealClock(),
                hopeless=lambda: None if process.poll() is None else (here / "log").read_text()[-2000:],
            )
            yield live
        finally:
            live.close()
            signal_group(process.pid, 9)
            process.wait()
            ports.close()
