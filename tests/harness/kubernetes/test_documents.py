import pytest
import yaml

from fawkes.harness.kubernetes.documents import read_documents


def test_every_document_that_is_not_empty():
    assert read_documents("---\nkind: A\n---\n# nothing\n---\nkind: B\n") == [{"kind": "A"}, {"kind": "B"}]


def test_a_lone_equals_sign_is_text():
    assert read_documents("enum: [=, '!=', =~]") == [{"enum": ["=", "!=", "=~"]}]


def test_what_is_no_yaml_is_refused():
    with pytest.raises(yaml.YAMLError):
        read_documents("a: [")
