"""A free port, and a stand-in for Thanos Query that knows the load's truth and may be told to misbehave."""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from fawkes.load.series import SHARDS, SeriesPlan
from free_ports import free_ports


@pytest.fixture
def free_port():
    (port,) = free_ports(1)
    return port


class KnownAnswers:
    """Answers the query mix as a server that has stored every scrape would, at the generation of the asked instant.

    The shapes are told apart by plain pattern matching, and values come from walking over the plan's series one by
    one, so that neither the mix's selectors nor its sums are used to check themselves.
    """

    def __init__(self, plan: SeriesPlan) -> None:
        self.plan = plan

    def answer(self, path: str) -> dict:
        url = urlsplit(path)
        params = {name: values[0] for name, values in parse_qs(url.query).items()}
        if url.path.endswith("query_range"):
            start, end, step = (float(params[name]) for name in ("start", "end", "step"))
            times = [start + step * n for n in range(int((end - start) / step + 1e-6) + 1)]
            (metric, _), *_ = self._vector(params["query"], end)
            values = [[at_s, self._vector(params["query"], at_s)[0][1]] for at_s in times]
            return _success("matrix", [{"metric": metric, "values": values}])
        at_s = float(params["time"])
        rows = [{"metric": metric, "value": [at_s, value]} for metric, value in self._vector(params["query"], at_s)]
        return _success("vector", rows)

    def _vector(self, promql: str, at_s: float) -> list[tuple[dict, str]]:
        generation = self.plan.generation_at(at_s)
        rows = self._matching(promql, generation)
        if "sum by (shard)" in promql:
            sums: dict[str, int] = {}
            for metric, value in rows:
                sums[metric["shard"]] = sums.get(metric["shard"], 0) + value
            found = [({"shard": shard}, total) for shard, total in sums.items()]
            found += [({"run_id": self.plan.run_id}, generation)] if "fawkes_load_generation" in promql else []
        elif promql.startswith("count"):
            found = [({"run_id": self.plan.run_id}, len(rows))]
        elif promql.startswith("topk"):
            found = sorted(rows, key=lambda row: -row[1])[:5]
        else:
            found = rows
        return [(metric, str(value)) for metric, value in found]

    def _matching(self, promql: str, generation: int) -> list[tuple[dict, int]]:
        wanted = dict(re.findall(r'(series|shard|generation)="(\d+)"', promql))
        labels, values = self.plan.labels(generation).tolist(), self.plan.values(generation).tolist()
        rows = []
        for index in range(self.plan.series):
            metric = {
                "series": f"{index:06d}",
                "shard": f"{index % SHARDS:02d}",
                "generation": str(labels[index]),
            }
            if all(metric[name] == value for name, value in wanted.items()):
                rows.append((metric, values[index]))
        return rows


def _success(kind: str, result: list) -> dict:
    return {"status": "success", "data": {"resultType": kind, "result": result}}


@pytest.fixture
def serve():
    """`serve(respond)` starts a server; `respond(path)` gives (status, bytes), or None to never answer."""
    servers, never = [], threading.Event()

    def start(respond) -> str:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self):
                answer = respond(self.path)
                if answer is None:
                    never.wait(30)
                    self.close_connection = True
                    return
                status, body = answer
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format, *args):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    never.set()
    for server, thread in servers:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def known_answers():
    """(KnownAnswers for a plan) -> (path -> a right HTTP answer)."""

    def make(plan):
        known = KnownAnswers(plan)
        return lambda path: (200, json.dumps(known.answer(path)).encode())

    return make
