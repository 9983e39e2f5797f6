"""Reads many Kubernetes objects from YAML that others have written."""

from __future__ import annotations

import yaml

from fawkes.harness.operator.objects import Manifest


class _Loader(yaml.CSafeLoader):
    """In C, because a bundle of definitions has megabytes. A lone `=` is text, as it is to Kubernetes (YAML 1.2)."""


def _text(loader: _Loader, node: yaml.ScalarNode) -> object:
    return loader.construct_scalar(node)


_Loader.add_constructor("tag:yaml.org,2002:value", _text)


def read_documents(text: str) -> list[Manifest]:
    """Every document that isn't empty. yaml.YAMLError if it isn't YAML."""
    return [document for document in yaml.load_all(text, Loader=_Loader) if document is not None]
