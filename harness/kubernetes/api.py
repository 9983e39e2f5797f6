"""One cluster through its kubeconfig, one request at a time. Answers are plain JSON values; nothing here waits."""

from __future__ import annotations

import ipaddress
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import urllib3
from kubernetes import client, config
from kubernetes.dynamic import DynamicClient, Resource
from kubernetes.dynamic.exceptions import DynamicApiError, NotFoundError, ResourceNotFoundError

from fawkes.harness.errors import ProviderError, UsageError
from fawkes.harness.operator.objects import Manifest, name_of, namespace_of

FIELD_MANAGER: Final = "fawkes-harness"
"""Who owns the fields that are applied here, for Kubernetes' own bookkeeping."""

_ANSWER_WITHIN_S: Final = 10.0
"""An API server on two busy cores answers in well under a second; one that is silent for ten is away."""
_NO_CACHE_FILE: Final = f"{os.devnull}/none"
"""Discovery wants to keep what it learns in a file that outlives the cluster; this one can't be made."""
_PASSES: Final = frozenset({409, 429, 500, 502, 503, 504})
"""Status codes of what may be otherwise the next time: a conflict of writers, an API server that starts or is busy."""
_NEVER_PASSES: Final = "failed to create typed patch object"
"""How the server begins, with status 500, when an applied object has a field that its kind doesn't know."""

Json = dict[str, Any]
T = TypeVar("T")


class ServerAway(ProviderError):
    """The API server did not answer, or not now. What waits asks again."""


class UnknownKind(ProviderError):
    """The API server doesn't know the kind; not yet, when its definition has just been applied."""


class _BoundedClient(client.ApiClient):  # type: ignore[misc] # untyped
    """Every request ends: the package itself would wait for ever where the caller doesn't say how long."""

    def call_api(self, *request: Any, _request_timeout: Any = None, **more: Any) -> Any:
        return super().call_api(*request, _request_timeout=_request_timeout or _ANSWER_WITHIN_S, **more)


class Api:
    """Requests go to the server of one context of a kubeconfig and nowhere else. Threads may share it.

    Every method raises ProviderError that tells verb, object and the server's own words, ServerAway if it may pass.
    """

    def __init__(self, kubeconfig: Path, context: str | None = None, *, keys: Path | None = None) -> None:
        """Asks nothing yet. UsageError if the file can't be used or has no such context.

        `keys`: the folder for copies of the kubeconfig's keys, which the package makes and which stay when we are
        killed; by default that for temporary files.
        """
        settings = client.Configuration()
        try:
            config.load_kube_config(
                config_file=str(kubeconfig),
                context=context,
                client_configuration=settings,
                persist_config=False,
                temp_file_path=str(keys) if keys else None,
            )
        except (config.ConfigException, OSError) as error:
            raise UsageError(f"{kubeconfig}: {error}; give a kubeconfig, and one of its contexts") from error
        if _is_loopback(settings.host):
            settings.proxy = None
        settings.retries = False
        self.server: str = settings.host
        self._client = _BoundedClient(settings)

    @cached_property
    def _dynamic(self) -> DynamicClient:
        return DynamicClient(self._client, cache_file=_NO_CACHE_FILE)

    def version(self) -> str:
        """Of the API server: `v1.34.3`."""
        with _told(f"ask {self.server} for its version"):
            return str(self._dynamic.version["kubernetes"]["gitVersion"])

    def plural(self, api_version: str, kind: str) -> str:
        """What the server calls a kind in its addresses and in roles: `statefulsets`. UnknownKind if it has none."""
        with _told(f"ask for the kinds of {api_version}"):
            return str(self._resource(api_version, kind).name)

    def may(self, verb: str, resource: str, *, group: str = "", namespace: str = "") -> bool:
        """Whether the server would let us; `resource` is a plural, perhaps with a subresource: `pods/exec`."""
        resource, _, subresource = resource.partition("/")
        asked = {"verb": verb, "group": group, "resource": resource, "subresource": subresource, "namespace": namespace}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": asked},
        }
        with _told(f"ask whether it may {verb} {resource}"):
            address = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
            return bool(
                _read(self._dynamic.request("post", address, body=review, serialize=False))["status"]["allowed"]
            )

    def apply(self, manifest: Manifest, *, dry_run: bool = False) -> Json:
        """Make or change one object, server-side; fields that others own become ours. The object as it is then."""
        with _told(f"apply {manifest['kind']} {_named(namespace_of(manifest), name_of(manifest))}"):
            resource = self._resource(str(manifest["apiVersion"]), str(manifest["kind"]))
            return _read(
                self._dynamic.server_side_apply(
                    resource,
                    body=dict(manifest),
                    name=name_of(manifest),
                    namespace=namespace_of(manifest) or None,
                    field_manager=FIELD_MANAGER,
                    force_conflicts=True,
                    serialize=False,
                    **({"dry_run": "All"} if dry_run else {}),
                )
            )

    def get(self, api_version: str, kind: str, name: str, namespace: str = "") -> Json | None:
        """One object, or None if there is none."""
        with _told(f"get {kind} {_named(namespace, name)}"):
            resource = self._resource(api_version, kind)
            try:
                return _read(self._dynamic.get(resource, name=name, namespace=namespace or None, serialize=False))
            except NotFoundError:
                return None

    def list(self, api_version: str, kind: str, namespace: str = "", *, labels: str = "") -> list[Json]:
        """All objects of a kind, of one namespace or (empty) of all, that a label selector lets through."""
        with _told(f"list {kind} in {namespace or 'all namespaces'}"):
            answer = _read(
                self._dynamic.get(
                    self._resource(api_version, kind),
                    namespace=namespace or None,
                    label_selector=labels or None,
                    serialize=False,
                )
            )
        # The items of a list don't say what they are.
        return [{"apiVersion": api_version, "kind": kind, **item} for item in answer["items"]]

    def patch(self, api_version: str, kind: str, name: str, body: Mapping[str, Any], namespace: str = "") -> Json:
        """Change an object by a JSON merge patch. The object as it is then."""
        with _told(f"patch {kind} {_named(namespace, name)}"):
            return _read(
                self._dynamic.patch(
                    self._resource(api_version, kind),
                    body=dict(body),
                    name=name,
                    namespace=namespace or None,
                    content_type="application/merge-patch+json",
                    field_manager=FIELD_MANAGER,
                    serialize=False,
                )
            )

    def add_container(self, namespace: str, pod: str, container: Mapping[str, Any]) -> Json:
        """Start an ephemeral container in a pod that runs; it stays until the pod goes. The pod as it is then."""
        with _told(f"add container {container['name']} to Pod {_named(namespace, pod)}"):
            return _read(
                self._dynamic.request(
                    "patch",
                    f"/api/v1/namespaces/{namespace}/pods/{pod}/ephemeralcontainers",
                    body={"spec": {"ephemeralContainers": [dict(container)]}},
                    content_type="application/strategic-merge-patch+json",  # beside those that are there already
                    field_manager=FIELD_MANAGER,
                    serialize=False,
                )
            )

    def delete(
        self, api_version: str, kind: str, name: str, namespace: str = "", *, grace_s: int | None = None
    ) -> bool:
        """Ask for an object's end, and for that of what it owns. False if there was none. Doesn't wait."""
        with _told(f"delete {kind} {_named(namespace, name)}"):
            resource = self._resource(api_version, kind)
            try:
                self._dynamic.delete(
                    resource,
                    name=name,
                    namespace=namespace or None,
                    grace_period_seconds=grace_s,
                    propagation_policy="Background",
                    serialize=False,
                )
            except NotFoundError:
                return False
            return True

    def delete_all(
        self, api_version: str, kind: str, namespace: str, *, labels: str = "", grace_s: int | None = None
    ) -> None:
        """Ask for the end of every object of a kind in one namespace that a label selector lets through."""
        with _told(f"delete every {kind} in {namespace}"):
            resource = self._resource(api_version, kind)
            self._dynamic.request(
                "delete",
                resource.path(namespace=namespace),
                label_selector=labels or None,
                grace_period_seconds=grace_s,
                propagation_policy="Background",
                serialize=False,
            )

    def pod_log(self, namespace: str, pod: str, container: str = "", *, lines: int = 20, previous: bool = False) -> str:
        """The last lines that a container has written, or the one before it; "" where there is no log (yet).

        `container` may stay empty where the pod has but one.
        """
        with _told(f"read the log of {_named(namespace, pod)}"):
            try:
                answer = self._dynamic.request(
                    "get",
                    f"/api/v1/namespaces/{namespace}/pods/{pod}/log",
                    query_params=[
                        ("tailLines", lines),
                        *([("container", container)] if container else []),
                        *([("previous", "true")] if previous else []),
                    ],
                    header_params={"Accept": "*/*"},
                    serialize=False,
                )
            except DynamicApiError as error:
                if error.status in (400, 404):  # not started, never started, or already gone
                    return ""
                raise
            return str(answer.data.decode(errors="replace"))

    def close(self) -> None:
        """Closes its connections."""
        self._client.close()

    def _resource(self, api_version: str, kind: str) -> Resource:
        try:
            return self._dynamic.resources.get(api_version=api_version, kind=kind)
        except ResourceNotFoundError as error:
            raise UnknownKind(
                f"{self.server} knows no {kind} of {api_version}; apply its CustomResourceDefinition first"
            ) from error


def asked_again(probe: Callable[[], T]) -> Callable[[], T]:
    """A probe for `eventually`, to which a server that is away is a reason to ask again and not to give up."""

    def ask() -> T:
        try:
            return probe()
        except (ServerAway, UnknownKind) as error:
            raise _NotNowError(str(error)) from error

    return ask


class _NotNowError(Exception):
    """No HarnessError, so that `eventually` goes on."""


@contextmanager
def _told(what: str) -> Iterator[None]:
    """The package's exceptions as ours."""
    try:
        yield
    except DynamicApiError as error:
        message = _message(error)
        passes = error.status in _PASSES and not message.startswith(_NEVER_PASSES)
        raise (ServerAway if passes else ProviderError)(f"cannot {what}: {error.status} {message}") from error
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise ServerAway(f"cannot {what}: {error}; is the cluster running?") from error


def _message(error: DynamicApiError) -> str:
    """The server's own sentence, or else the status' name."""
    try:
        return str(json.loads(error.body)["message"])
    except (ValueError, KeyError, TypeError):
        return str(error.reason)


def _read(answer: Any) -> Json:
    read: Json = json.loads(answer.data)
    return read


def _named(namespace: str, name: str) -> str:
    return f"{namespace}/{name}" if namespace else name


def _is_loopback(server: str) -> bool:
    host = urlsplit(server).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
