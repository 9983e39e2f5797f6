"""Label selectors with Kubernetes' semantics, and how a Prometheus object uses them to find its monitors and rules.

Source: `LabelSelectorAsSelector` in k8s.io/apimachinery, `selectObjects` and `selectRuleNamespaces` in
prometheus-operator v0.85.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fawkes.harness.errors import UsageError
from fawkes.harness.operator.objects import Manifest, Objects, labels_of, name_of, namespace_of

LabelSelector = Mapping[str, Any]


def matches(selector: LabelSelector | None, labels: Mapping[str, str]) -> bool:
    """Whether `labels` satisfy a selector: an absent one (None) matches nothing, an empty one everything.

    `NotIn` also holds where the label is missing. UsageError for an operator that Kubernetes doesn't know.
    """
    if selector is None:
        return False
    exact = all(labels.get(key) == value for key, value in (selector.get("matchLabels") or {}).items())
    return exact and all(_holds(one, labels) for one in selector.get("matchExpressions") or ())


def _holds(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = expression["key"], expression.get("values") or ()
    match expression["operator"]:
        case "In":
            return key in labels and labels[key] in values
        case "NotIn":
            return key not in labels or labels[key] not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
        case unknown:
            raise UsageError(f"{unknown!r} is no label selector operator; use In, NotIn, Exists or DoesNotExist")


def selected(
    objects: Objects,
    kind: str,
    *,
    owner: Manifest,
    selector: LabelSelector | None,
    namespace_selector: LabelSelector | None,
) -> list[Manifest]:
    """Objects of `kind` that `owner` selects, in the order of `namespace/name`.

    Without a namespace selector only the owner's own namespace is looked at.
    """
    if namespace_selector is None:
        namespaces = {namespace_of(owner)}
    else:
        namespaces = {
            name_of(one) for one in objects.of("Namespace") if matches(namespace_selector, _with_own_name(one))
        }
    return [one for one in objects.of(kind) if namespace_of(one) in namespaces and matches(selector, labels_of(one))]


def _with_own_name(namespace: Manifest) -> dict[str, str]:
    """A namespace's labels with the one that the API server adds to each."""
    return {"kubernetes.io/metadata.name": name_of(namespace), **labels_of(namespace)}
