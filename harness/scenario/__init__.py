"""Scenarios: one claim about the platform each, as YAML, checked as a whole before anything starts."""

from fawkes.harness.scenario.loading import Loader, find_scenarios
from fawkes.harness.scenario.schema import PROFILES, Fault, PlatformSpec, Profile, Scenario

__all__ = ["PROFILES", "Fault", "Loader", "PlatformSpec", "Profile", "Scenario", "find_scenarios"]
