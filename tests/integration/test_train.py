"""Training from end to end: prepared files, the registry, and the city."""

import sqlite3

import pytest

from searchrank.errors import ConflictError, NotFoundError
from trainer.registry import CHALLENGER, CHAMPION, Registry, Run

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def uri(tmp_path_factory):
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow') / 'mlflow.db'}"


@pytest.fixture(scope="module")
def registry(uri):
    return Registry.open(uri)


def test_a_run_and_its_release_are_found_again(registry, tmp_path, capfd):
    run = registry.record(Run("city", {"num_leaves": 31}, {"ndcg@10": 0.5, "auc": float("nan")}, {"a": "b"}))
    first = registry.register("city", tmp_path / "one", digest="d1", release="r1", run=run)
    second = registry.register("city", tmp_path / "two", digest="d2", release="r2", run=run)
    assert (first.number, second.number) == (1, 2)
    assert [v.release for v in registry.versions("city")] == ["r2", "r1"]
    assert registry.versions("city")[1].folder == (tmp_path / "one").resolve()
    assert registry.versions("city")[1].run == run
    assert capfd.readouterr() == ("", "")


def test_the_same_digest_keeps_its_version(registry, tmp_path):
    first = registry.register("kept", tmp_path, digest="d", release="r")
    assert registry.register("kept", tmp_path, digest="d", release="r").number == first.number


def test_an_alias_points_to_one_version_at_a_time(registry, tmp_path):
    for digest in ("a", "b"):
        registry.register("aliased", tmp_path, digest=digest, release=digest)
    assert registry.aliased("aliased") is None
    registry.point("aliased", "a")
    registry.point("aliased", "b", CHALLENGER)
    assert registry.aliased("aliased", CHAMPION).digest == "a"
    registry.point("aliased", "b")
    assert registry.aliased("aliased", CHAMPION).digest == "b"
    assert registry.versions("aliased")[0].aliases == (CHALLENGER, CHAMPION)


def test_an_unregistered_digest_gets_no_alias(registry):
    with pytest.raises(NotFoundError, match="no version of 'nobody'"):
        registry.point("nobody", "ffff")


def test_a_locked_file_says_what_to_do(tmp_path):
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    holder = sqlite3.connect(uri.removeprefix("sqlite:///"), isolation_level=None)
    try:
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(ConflictError, match=r"locked by another program.*--tracking-uri"):
            Registry.open(uri)
    finally:
        holder.close()
