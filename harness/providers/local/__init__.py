"""The embedded default: the real binaries as child processes. No cluster, no root, no services."""

from fawkes.harness.providers.local.provider import LocalProvider

__all__ = ["LocalProvider"]
