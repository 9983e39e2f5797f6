from pathlib import Path

import pytest

from fawkes.harness.errors import ScenarioError, UsageError
from fawkes.harness.operator.objects import load_objects

SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: %s, namespace: ns}
spec: {ports: []}
"""


def write(directory: Path, **files: str) -> Path:
    for name, text in files.items():
        (directory / f"{name}.yaml").write_text(text)
    return directory


def test_reads_every_document_of_every_file_but_no_subdirectory(tmp_path):
    write(tmp_path, one=SERVICE % "b" + "---\n" + SERVICE % "a" + "---\n", two=SERVICE % "c")
    (tmp_path / "tests").mkdir()
    write(tmp_path / "tests", three="not: an object")
    objects = load_objects(tmp_path)
    assert [m["metadata"]["name"] for m in objects.of("Service")] == ["a", "b", "c"]


def test_reports_everything_wrong_at_once_with_file_and_line(tmp_path):
    write(
        tmp_path,
        a_syntax="apiVersion: v1\nkind: [Service\n",
        b_duplicate_key=SERVICE % "x" + "kind: Secret\n",
        c_no_name=SERVICE % "y" + "---\napiVersion: v1\nkind: Service\nmetadata: {namespace: ns}\n",
        d_no_namespace="apiVersion: v1\nkind: Service\nmetadata: {name: z}\n",
        e_again=SERVICE % "y",
        f_text="just words",
    )
    with pytest.raises(ScenarioError) as raised:
        load_objects(tmp_path)
    found = [(Path(p.file).name, p.line, p.field) for p in raised.value.problems]
    assert found == [
        ("a_syntax.yaml", 3, ""),
        ("b_duplicate_key.yaml", 5, ""),
        ("c_no_name.yaml", 6, "metadata.name"),
        ("d_no_namespace.yaml", 1, "metadata.namespace"),
        ("e_again.yaml", 1, "metadata.name"),
        ("f_text.yaml", 1, ""),
    ]
    assert "'kind' is given twice" in str(raised.value)
    assert "already in c_no_name.yaml:1" in str(raised.value)


def test_an_empty_directory_is_refused(tmp_path):
    with pytest.raises(UsageError, match="holds no"):
        load_objects(tmp_path)


def test_an_edit_makes_a_new_set_and_leaves_the_old_one_alone(platform):
    def shorter(prometheus):
        prometheus["spec"]["retention"] = "29d"
        del prometheus["spec"]["serviceMonitorSelector"]["matchLabels"]["prometheus"]

    edited = platform.edit("Prometheus", "fawkes-monitoring", "core", shorter)
    assert edited.get("Prometheus", "fawkes-monitoring", "core")["spec"]["retention"] == "29d"
    before = platform.get("Prometheus", "fawkes-monitoring", "core")["spec"]
    assert before["retention"] == "30d"
    assert before["serviceMonitorSelector"] == {"matchLabels": {"prometheus": "core"}}
    assert len(edited.items) == len(platform.items)


def test_objects_take_the_place_of_those_of_their_name_or_are_added(platform):
    monitor = platform.get("ServiceMonitor", "fawkes-cicd", "argocd")
    renamed = {**monitor, "metadata": {**monitor["metadata"], "name": "another"}}
    replaced = platform.replace({**monitor, "spec": {}}, renamed)
    assert replaced.get("ServiceMonitor", "fawkes-cicd", "argocd")["spec"] == {}
    assert replaced.get("ServiceMonitor", "fawkes-cicd", "another") == renamed
    assert len(replaced.items) == len(platform.items) + 1


def test_a_name_that_is_slightly_off_is_answered_with_the_right_one(platform):
    with pytest.raises(UsageError, match="did you mean fawkes-monitoring/core"):
        platform.get("Prometheus", "fawkes-monitoring", "prometheus-core")
    with pytest.raises(UsageError, match="there are: none"):
        platform.get("ThanosRuler", "fawkes-monitoring", "x")
