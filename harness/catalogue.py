"""The kinds of expectations there are: for each its fields, its observer and its check. The one list to add to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fawkes.harness.checks.adr import AdrDefectExpectation, check_adr_defect
from fawkes.harness.checks.alerts import AlertTimelineExpectation, check_alert_timeline
from fawkes.harness.checks.continuity import ContinuityExpectation, check_continuity
from fawkes.harness.checks.counter_rules import CounterRulesExpectation, check_counter_rules
from fawkes.harness.checks.deliveries import DeliveriesExpectation, check_deliveries
from fawkes.harness.checks.discovery import (
    DesertionExpectation,
    DiscoveryExpectation,
    NoDiscoveryExpectation,
    check_desertion,
    check_discovery,
    check_no_discovery,
)
from fawkes.harness.checks.dora import DoraExpectation, EventLedgerExpectation, check_dora, check_event_ledger
from fawkes.harness.checks.dora_alerts import DoraAlertExpectation, check_dora_alert
from fawkes.harness.checks.dora_bands import DoraBandsExpectation, check_dora_bands
from fawkes.harness.checks.dora_counted import DoraCountedExpectation, check_dora_counted
from fawkes.harness.checks.dora_sums import DoraSumsExpectation, check_dora_sums
from fawkes.harness.checks.dora_values import DoraValuesExpectation, check_dora_values
from fawkes.harness.checks.federation import FederationExpectation, check_federation
from fawkes.harness.checks.infra import InfraExpectation, check_infra
from fawkes.harness.checks.kube_state import KubeStateExpectation, check_kube_state
from fawkes.harness.checks.latency import AnswersExpectation, LatencyExpectation, check_answers, check_latency
from fawkes.harness.checks.load import OfferedLoadExpectation, check_offered_load
from fawkes.harness.checks.memory import MemoryExpectation, check_memory
from fawkes.harness.checks.notification_timeline import NotificationTimelineExpectation, check_notification_timeline
from fawkes.harness.checks.notifications import NotificationExpectation, check_notification
from fawkes.harness.checks.paths import EventPathExpectation, SamplePathExpectation, check_event_path, check_sample_path
from fawkes.harness.checks.reach import ReachExpectation, TargetsExpectation, check_reach, check_targets
from fawkes.harness.checks.refusals import RefusalsExpectation, check_refusals
from fawkes.harness.checks.rendered_equal import RenderedEqualExpectation, check_rendered_equal
from fawkes.harness.checks.restarts import RestartsExpectation, check_restarts
from fawkes.harness.checks.retention import RetentionExpectation, check_retention
from fawkes.harness.checks.rollout import RolloutExpectation, check_rollout
from fawkes.harness.checks.targets_equal import TargetsEqualExpectation, check_targets_equal
from fawkes.harness.expectation import Expectation
from fawkes.harness.model import Finding, History
from fawkes.harness.observe.adr import observe_adr_defect
from fawkes.harness.observe.alerts import observe_alert_timeline
from fawkes.harness.observe.continuity import observe_continuity
from fawkes.harness.observe.counter_rules import observe_counter_rules
from fawkes.harness.observe.discovery import observe_desertion, observe_discovery, observe_no_discovery
from fawkes.harness.observe.dora import observe_dora, observe_event_ledger
from fawkes.harness.observe.dora_alerts import observe_dora_alert
from fawkes.harness.observe.dora_bands import observe_dora_bands
from fawkes.harness.observe.dora_counted import observe_dora_counted
from fawkes.harness.observe.dora_sums import observe_dora_sums
from fawkes.harness.observe.dora_values import observe_dora_values
from fawkes.harness.observe.federation import observe_federation
from fawkes.harness.observe.infra import observe_infra
from fawkes.harness.observe.kube_state import observe_kube_state
from fawkes.harness.observe.memory import observe_memory
from fawkes.harness.observe.notification_timeline import observe_notification_timeline
from fawkes.harness.observe.notifications import observe_notification
from fawkes.harness.observe.paths import observe_event_path, observe_sample_path
from fawkes.harness.observe.reach import observe_reach, observe_targets
from fawkes.harness.observe.rendered_equal import observe_rendered_equal
from fawkes.harness.observe.restarts import observe_restarts
from fawkes.harness.observe.retention import observe_retention
from fawkes.harness.observe.targets_equal import observe_targets_equal
from fawkes.harness.world import Recorder, World


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of expectation. `observe` touches the world and records; `check` judges the record alone."""

    expectation: type[Expectation]
    observe: Callable[[Any, World, Recorder], None]
    check: Callable[[Any, History], Finding]

    @property
    def tag(self) -> str:
        return str(self.expectation.model_fields["check"].default)


def _recorded_by_workload(expect: Expectation, world: World, record: Recorder) -> None:
    """For checks that judge what a driver has recorded: nothing is left to look at."""


CATALOGUE: Final[Mapping[str, Kind]] = {
    kind.tag: kind
    for kind in (
        Kind(SamplePathExpectation, observe_sample_path, check_sample_path),
        Kind(EventPathExpectation, observe_event_path, check_event_path),
        Kind(EventLedgerExpectation, observe_event_ledger, check_event_ledger),
        Kind(DoraExpectation, observe_dora, check_dora),
        Kind(DoraValuesExpectation, observe_dora_values, check_dora_values),
        Kind(CounterRulesExpectation, observe_counter_rules, check_counter_rules),
        Kind(DoraBandsExpectation, observe_dora_bands, check_dora_bands),
        Kind(DoraSumsExpectation, observe_dora_sums, check_dora_sums),
        Kind(DoraCountedExpectation, observe_dora_counted, check_dora_counted),
        Kind(DeliveriesExpectation, _recorded_by_workload, check_deliveries),
        Kind(RefusalsExpectation, _recorded_by_workload, check_refusals),
        Kind(AdrDefectExpectation, observe_adr_defect, check_adr_defect),
        Kind(DoraAlertExpectation, observe_dora_alert, check_dora_alert),
        Kind(AlertTimelineExpectation, observe_alert_timeline, check_alert_timeline),
        Kind(NotificationExpectation, observe_notification, check_notification),
        Kind(NotificationTimelineExpectation, observe_notification_timeline, check_notification_timeline),
        Kind(RetentionExpectation, observe_retention, check_retention),
        Kind(InfraExpectation, observe_infra, check_infra),
        Kind(LatencyExpectation, _recorded_by_workload, check_latency),
        Kind(AnswersExpectation, _recorded_by_workload, check_answers),
        Kind(RenderedEqualExpectation, observe_rendered_equal, check_rendered_equal),
        Kind(TargetsEqualExpectation, observe_targets_equal, check_targets_equal),
        Kind(DiscoveryExpectation, observe_discovery, check_discovery),
        Kind(DesertionExpectation, observe_desertion, check_desertion),
        Kind(NoDiscoveryExpectation, observe_no_discovery, check_no_discovery),
        Kind(ContinuityExpectation, observe_continuity, check_continuity),
        Kind(RolloutExpectation, observe_continuity, check_rollout),
        Kind(FederationExpectation, observe_federation, check_federation),
        Kind(RestartsExpectation, observe_restarts, check_restarts),
        Kind(KubeStateExpectation, observe_kube_state, check_kube_state),
        Kind(ReachExpectation, observe_reach, check_reach),
        Kind(TargetsExpectation, observe_targets, check_targets),
        Kind(MemoryExpectation, observe_memory, check_memory),
        Kind(OfferedLoadExpectation, _recorded_by_workload, check_offered_load),
    )
}
