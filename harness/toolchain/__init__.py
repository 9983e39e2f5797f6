"""The binaries of the platform: what each one is, where it is found, and how it is built when nobody has it.

find(name)  ->  setting -> PATH -> cache            (looks only)
provide(names)  ->  find, then a pinned Go build    (may take minutes the first time)
"""

from fawkes.harness.toolchain.cache import cache_directory
from fawkes.harness.toolchain.find import Binary, Miss, find, setting_name
from fawkes.harness.toolchain.golang import Go, find_go, provide_go
from fawkes.harness.toolchain.pins import (
    CHART_BINARIES,
    CLUSTER_BINARIES,
    PLATFORM_BINARIES,
    UPGRADE_BINARIES,
    Pin,
    pins,
)
from fawkes.harness.toolchain.provide import provide

__all__ = [
    "CHART_BINARIES",
    "CLUSTER_BINARIES",
    "PLATFORM_BINARIES",
    "UPGRADE_BINARIES",
    "Binary",
    "Go",
    "Miss",
    "Pin",
    "cache_directory",
    "find",
    "find_go",
    "pins",
    "provide",
    "provide_go",
    "setting_name",
]
