"""In what our rendering for local processes differs from the operator's on purpose, and why. The one list to add to.

Addresses and files are no differences: harness/local_rendering.py translates them, so that they are compared, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Final, NamedTuple

Path = tuple[str, ...]
"""Kind of pod (`prometheus`), then keys: `("prometheus", "flags", "thanos-sidecar", "objstore.config")`."""


SAME: Final = "for the cluster's pods"
HOME: Final = "for the local provider's pods"
"""The two sections of a target (harness/checks/targets_equal.py)."""


class Meant(NamedTuple):
    """A difference that must be there or may be there."""

    where: Path
    """Each element a pattern of fnmatch."""
    why: str


_HARNESS_FLAG: Final = "set by the harness alone, "
_ADDRESS: Final = "a process listens on loopback, on a port of its own"
_REFUSED: Final = "a monitor that relabels by it is refused (harness/operator/scrape.py)"
_NO_TLS: Final = "TLS of the pods' web pages: the operator's file for it is empty unless the object asks for TLS, "

MEANT: Final[Sequence[Meant]] = (
    Meant(("prometheus", "flags", "prometheus", "web.listen-address"), "on a cluster it is the default, every address"),
    Meant(
        ("prometheus", "flags", "prometheus", "scrape.discovery-reload-interval"),
        f"{_HARNESS_FLAG}so that the first scrape comes after half a second and not after five",
    ),
    Meant(
        ("prometheus", "flags", "prometheus", "web.config.file"),
        f"{_NO_TLS}which local rendering refuses",
    ),
    Meant(
        ("prometheus", "flags", "thanos-sidecar", "prometheus.http-client-file"),
        "how the sidecar trusts its Prometheus' certificate; there is none",
    ),
    Meant(
        ("prometheus", "flags", "thanos-sidecar", "objstore.config"),
        "the operator passes the object store's settings in the environment, where neighbours on this machine see them",
    ),
    Meant(
        ("prometheus", "flags", "thanos-sidecar", "objstore.config-file"),
        "the object store's settings, in a file that only its owner reads",
    ),
    Meant(
        ("alertmanager", "flags", "alertmanager", "web.config.file"),
        f"{_NO_TLS}which local rendering refuses",
    ),
    Meant(
        ("alertmanager", "flags", "alertmanager", "log.level"),
        f"{_HARNESS_FLAG}because only this log tells when each alert came in",
    ),
    Meant(
        ("alertmanager", "flags", "alertmanager", "cluster.advertise-address"),
        f"{_HARNESS_FLAG}because replicas reach each other through relays, which a fault can cut",
    ),
    Meant(("alertmanager", "config", "global", "smtp_smarthost"), "the run's own mail server"),
    Meant(("alertmanager", "config", "global", "pagerduty_url"), "the run's own PagerDuty"),
    Meant(("target", SAME, "*", "*", "labels", "instance"), _ADDRESS),
    Meant(("target", HOME, "*", "*", "instance"), _ADDRESS),
    *(
        Meant(("target", SAME, "*", "*", "discovered", f"__meta_kubernetes_{label}"), why)
        for label, why in (
            ("pod_ip", _ADDRESS),
            *((label, f"processes have no node; {_REFUSED}") for label in ("*node_name", "pod_host_ip")),
            ("pod_uid", f"only an API server gives one; {_REFUSED}"),
            ("pod_container_image", f"processes have no image; {_REFUSED}"),
            ("pod_controller_*", f"no controller makes processes; {_REFUSED}"),
            ("pod_annotation*", f"nothing asks for a pod's annotations; {_REFUSED}"),
            ("endpoints_annotation*", f"it holds when they last changed; {_REFUSED}"),
        )
    ),
    *(
        Meant(("target", HOME, f"serviceMonitor/fawkes-monitoring/{job}/0"), "there is one on a cluster only")
        for job in ("kube-state-metrics", "node-exporter")
    ),
    Meant(
        ("target", HOME, "serviceMonitor/fawkes-monitoring/thanos/0", "fawkes-monitoring/thanos-query/*"),
        "the pod of a Deployment has a name that nobody knows before",
    ),
)


def meant(path: Path) -> Meant | None:
    """The entry that covers a difference at `path`; None for one that nobody meant."""
    return next((one for one in MEANT if _covers(one.where, path)), None)


def _covers(where: Path, path: Path) -> bool:
    return len(where) == len(path) and all(map(fnmatchcase, path, where))
