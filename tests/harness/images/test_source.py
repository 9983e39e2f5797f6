"""Which node image is used: the one there is, a published one where a registry answers, one made here where none does."""

import pytest

from fawkes.harness.errors import ProviderError
from fawkes.harness.images.docker import Docker
from fawkes.harness.images.source import published_node, pulled_node

pytestmark = pytest.mark.slow

ENGINE = """
echo "$@" >> $HOME-calls
case "$1 $2" in
"image inspect") [ -e $HOME/"${5##*/}" ] && echo id=sha256:1; exit 0;;
"image ls") [ -e $HOME/made ] && echo fawkes/node:abc; exit 0;;
"manifest inspect") [ -e $HOME/registry ] || { echo "no such host"; exit 1; };;
"pull --quiet") : > $HOME/"${3##*/}";;
esac"""
"""An engine and a registry that are files of a folder."""


@pytest.fixture
def engine(environ, install, tmp_path):
    (tmp_path / "home").mkdir()
    return Docker(str(install("docker", ENGINE)), environ)


@pytest.mark.parametrize(
    ("there", "source", "pulled"),
    [
        (["registry"], "auto", True),
        (["registry"], "pull", True),
        (["registry"], "build", False),
        ([], "auto", False),
        (["registry", "made"], "auto", False),
        (["registry", "made"], "pull", True),
        ([published_node().rpartition("/")[2]], "auto", True),
        ([published_node().rpartition("/")[2]], "build", False),
    ],
)
def test_the_choice(there, source, pulled, engine, tmp_path):
    for name in there:
        (tmp_path / "home" / name).touch()
    assert pulled_node(engine, source, lambda _: None) == (published_node() if pulled else None)
    assert engine.has(published_node()) is (pulled or published_node().rpartition("/")[2] in there)


@pytest.mark.parametrize("there", ["made", published_node().rpartition("/")[2]])
def test_no_registry_is_asked_while_there_is_an_image(there, engine, tmp_path):
    (tmp_path / "home" / there).touch()
    pulled_node(engine, "auto", lambda _: None)
    assert "manifest" not in (tmp_path / "home-calls").read_text()


def test_a_pull_that_no_registry_answers_is_refused_with_a_remedy(engine):
    with pytest.raises(ProviderError, match=r"no registry gives kindest/node:v1.*harness images --build"):
        pulled_node(engine, "pull", lambda _: None)
