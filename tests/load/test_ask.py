"""A question asked again and again: each answer on record, also none."""

import json

import pytest
from pydantic import ValidationError

from fawkes.load.ask import Ask, AskSpec

SPEC = AskSpec.model_validate({"do": "ask", "query": "seconds", "every": "1s", "for": "3m"})


class Platform:
    """A world with one Thanos Query, whose time passes while it waits."""

    clock_factor = 60.0

    def __init__(self, url):
        self._url, self.at_s = url, 1000.0

    def replicas(self, app):
        assert app == "thanos-query"
        return ["thanos-query-0"]

    def url(self, part, port="http"):
        return self._url

    def now_s(self):
        return self.at_s

    def poll_for(self, seconds, tick=None):
        self.at_s += seconds


def test_each_answer_is_recorded_with_when_it_was_asked(serve):
    asked, records = [], []

    def respond(path):
        asked.append(path)
        if len(asked) == 2:
            return 503, b"no store answered"
        result = [{"metric": {"pod": "j"}, "value": [1, str(len(asked))]}]
        return 200, json.dumps({"status": "success", "data": {"result": result}}).encode()

    Ask().run(SPEC, Platform(serve(respond)), lambda kind, /, **data: records.append((kind, data)))
    assert [kind for kind, _ in records] == ["answered"] * 3
    assert [data["asked_s"] for _, data in records] == [1000.0, 1001.0, 1002.0]
    assert [data["value"] for _, data in records] == [[[{"pod": "j"}, 1.0]], None, [[{"pod": "j"}, 3.0]]]
    assert "503" in records[1][1]["error"]
    assert records[0][1]["error"] == ""
    assert "partial_response=true" in asked[0]


def test_nobody_looks_faster_than_a_program():
    with pytest.raises(ValidationError):
        AskSpec.model_validate({"do": "ask", "query": "x", "every": "10ms", "for": "1m"})
