"""Which cluster a person wants a run to be a guest of, and what they allow there. Nothing here asks it anything."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fawkes.harness.errors import UsageError

_SETTING = "KUBECONFIG"


@dataclass(frozen=True, slots=True)
class Target:
    """The options that only `--on existing` has."""

    context: str
    namespace_prefix: str
    kubeconfig: str
    services_image: str | None = None
    """Under which name this cluster can pull, or has loaded, our services."""
    install_operator: bool = False
    """Whether a prometheus-operator of our own may be installed, for our namespaces only."""
    yes_this_is: str | None = None
    """The context's name once more, for a cluster that looks as if it mattered to somebody."""

    @classmethod
    def wished(
        cls,
        on: str,
        *,
        context: str | None,
        namespace_prefix: str | None,
        kubeconfig: str | None = None,
        services_image: str | None = None,
        install_operator: bool = False,
        yes_this_is: str | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> Target | None:
        """From what a person wrote; None for other providers. UsageError for what is missing, or has no sense there.

        Neither context nor prefix is ever guessed.
        """
        if on != "existing":
            if context or namespace_prefix or kubeconfig or services_image or install_operator or yes_this_is:
                raise UsageError(f"--context and what goes with it are for --on existing, not for --on {on}")
            return None
        if not context:
            raise UsageError(
                "--on existing: say which cluster with --context; `kubectl config get-contexts` lists them"
            )
        if not namespace_prefix:
            raise UsageError(
                "--on existing: say how your namespaces are to begin, for example --namespace-prefix alice"
            )
        if yes_this_is not in (None, context):
            raise UsageError(f"--yes-this-is {yes_this_is}: but --context is {context}; nothing is done on either")
        file = kubeconfig or environ.get(_SETTING) or str(Path.home() / ".kube" / "config")
        if os.pathsep in file:
            raise UsageError(f"{_SETTING} names several files; choose one with --kubeconfig FILE")
        return cls(context, namespace_prefix, str(Path(file).absolute()), services_image, install_operator, yes_this_is)

    def options(self) -> str:
        """As a command line has them."""
        words = [
            "--context",
            self.context,
            "--kubeconfig",
            self.kubeconfig,
            "--namespace-prefix",
            self.namespace_prefix,
        ]
        words += ["--services-image", self.services_image] if self.services_image else []
        words += ["--install-operator"] if self.install_operator else []
        words += ["--yes-this-is", self.yes_this_is] if self.yes_this_is else []
        return shlex.join(words)
