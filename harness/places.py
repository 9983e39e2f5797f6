"""Where harness, scenarios and fixtures stand side by side, in a checkout as in an installed wheel."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import fawkes.harness

ROOT: Final = Path(fawkes.harness.__file__).parent.parent
SCENARIOS: Final = ROOT / "scenarios"
FIXTURES: Final = ROOT / "fixtures"
PLATFORM: Final = FIXTURES / "platform"
"""The platform's objects, as they ship."""
WORKLOADS: Final = PLATFORM / "workloads"
"""What runs on a cluster beside the operator's objects; the local provider has components for it."""
ADR_LITERAL: Final = FIXTURES / "adr_literal"
"""What the ADR wrote, kept as known-bad fixtures."""
