"""A world of parts that can be looked into, for the observer and the check of `infra`."""

import json

from fawkes.harness.checks.infra import InfraExpectation, check_infra
from fawkes.harness.eventually import RealClock, eventually
from fawkes.harness.model import History, Record
from fawkes.harness.observe.infra import observe_infra

SECRET = "a-very-secret-word"


class Onlooker:
    """What the observer uses of a World. A part is known by what `inside(part)` gives."""

    def __init__(self, inside):
        self.inside, self.parts = inside, []

    def replicas(self, app):
        return [part for part in self.parts if part.rpartition("-")[0] == app]

    def secrets(self):
        return {"password": SECRET, "token": "another-secret-word"}

    def now_s(self):
        return 0.0

    def eventually(self, what, probe, expect, *, within_s):
        return eventually(what, probe, expect, within_s=within_s, clock=RealClock())

    def look(self, *apps, **demands):
        """The data of what is recorded of `apps`, and the finding."""
        expect = InfraExpectation.model_validate({"name": "look", "apps": apps, "within": "1s", **demands})
        records = []
        observe_infra(expect, self, lambda kind, **data: records.append(Record(0.0, 0.0, kind, data)))
        assert SECRET not in json.dumps([record.data for record in records])
        return [record.data for record in records], check_infra(expect, History(records))
