"""`harness render` as a person calls it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tiny_chart import helm, write_chart

pytestmark = pytest.mark.slow

HARNESS = Path(sys.executable).with_name("harness")


def render(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [HARNESS, "render", *words],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_chart_is_rendered_with_our_platform_on_top(tmp_path):
    done = render("--stack", "chart", "--chart", str(write_chart(tmp_path)), FAWKES_BIN_HELM=str(helm()))

    assert done.returncode == 0, done.stderr
    assert "watched: fawkes-monitoring," in done.stdout
    assert "kind: Prometheus\n" in done.stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--stack", "chart", "--chart", "/nowhere/chart"], "there is no chart at /nowhere/chart"),
        (["--stack", "chart", "--chart", "/", "--chart-version", "88.1.0"], "leave out --chart-version"),
        (["--chart", "./chart", "--grafana"], "--chart, --grafana: only with --stack chart"),
        (["--images", "built"], "--images built: only with --stack chart"),
        (["--stack", "helm"], "'operator'"),
        (["--parts", "grafanna"], "no app 'grafanna'"),
    ],
)
def test_wrong_usage_is_code_3_with_a_remedy(words, says):
    done = render(*words)

    assert (done.returncode, done.stdout) == (3, "")
    assert says in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_a_helm_that_is_not_there(tmp_path):
    done = render("--stack", "chart", "--chart", str(write_chart(tmp_path)), FAWKES_BIN_HELM="/nowhere/helm")

    assert done.returncode == 3
    assert "FAWKES_BIN_HELM=/nowhere/helm is not an executable file" in done.stderr


def test_help_shows_examples():
    assert "harness render --stack chart --chart ./kube-prometheus-stack" in render("--help").stdout


@pytest.mark.parametrize(
    ("line", "offers"),
    [("harness render --stack ch", "chart"), ("harness render --parts prometheus-l", "prometheus-learner")],
)
def test_the_shell_completes_choices(line, offers):
    words = line.split()
    environ = {"_HARNESS_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    done = subprocess.run([HARNESS], env={**os.environ, **environ}, capture_output=True, text=True, check=False)
    assert done.stdout.split() == [offers]
