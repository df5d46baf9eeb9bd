"""The gate: each reason to refuse a release, and nothing else, refuses it."""

from dataclasses import replace

import pytest

from predictor.testing import WEIGHTS, make_shop, release
from searchrank.errors import DataError, ReleaseRefusedError
from searchrank.models import CHALLENGER, Ledger, Release
from searchrank.project import Project
from trainer.evaluation.findings import Findings, beside
from trainer.evaluation.gate import drifted, verdict
from trainer.evaluation.slices import ALL, Slice
from trainer.promotion import Terms, promote

EVEN = Slice(ALL, 5000, 0.5, 0.5, 0.5, 0.9, 0.002, 0.008)
WORSE = Slice("tail", 900, 0.4, 0.45, 1e-6, 2e-6, 0.01, 0.03)


@pytest.fixture
def shop(tmp_path):
    return make_shop(tmp_path)


@pytest.fixture
def ledger_alone(monkeypatch):
    """Promote without MLflow, which takes seconds and is tried in the integration tests."""
    monkeypatch.setattr("trainer.promotion._has_mlflow", lambda: False)


@pytest.fixture
def project(shop):
    return Project.load(shop)


def live(shop):
    ledger = Ledger(shop.ledger)
    return Release.open(ledger.folder(ledger.live("taste")))


def judged(shop, project, folder):
    return verdict(Release.open(folder), live(shop), project)


def found(folder, champion, *slices):
    digest = Release.open(folder).digest
    Findings(digest, 5000, {"ndcg@10": 0.5}, champion, 1, (EVEN, *slices)).write(folder)
    return folder


def with_gate(project, **gate):
    spec = project.models["taste"]
    changed = spec.model_copy(update={"gate": spec.gate.model_copy(update=gate)})
    return project.model_copy(update={"models": {"taste": changed}})


def test_a_release_that_is_worse_nowhere_passes(shop, project):
    folder = found(release(shop), live(shop).digest)
    assert judged(shop, project, folder).objections == ()
    assert judged(shop, project, folder).notes == ()


def test_the_slice_that_is_worse_is_named(shop, project):
    folder = found(release(shop), live(shop).digest, WORSE)
    (objection,) = judged(shop, project, folder).objections
    assert objection.startswith("NDCG@10 in slice tail falls from 0.4500 to 0.4000 (900 requests, p 2e-06")


def test_a_release_that_was_not_compared_passes_with_a_note(shop, project):
    folder = release(shop)
    assert judged(shop, project, folder).objections == ()
    assert "was not compared with version 1, which is live" in judged(shop, project, folder).notes[0]


def test_a_comparison_with_another_champion_is_none(shop, project):
    folder = found(release(shop), "another", WORSE)
    assert judged(shop, project, folder).objections == ()
    assert "compared with version 1, but 1 is live" in judged(shop, project, folder).notes[0]


def test_an_input_that_is_not_what_the_champion_learnt_is_named(shop, project):
    folder = release(shop, learnt=0.5)
    apart = drifted(Release.open(folder), live(shop))
    assert apart == pytest.approx(dict.fromkeys(apart, 0.5), abs=0.02)
    objections = judged(shop, project, folder).objections
    assert len(objections) == 5
    assert objections[0].startswith("input price is not what version 1 learnt: shares of its values differ by 5")
    assert judged(shop, with_gate(project, drift=1.0), folder).objections == ()


def test_a_release_that_takes_too_long_is_refused(shop, project):
    folder = found(release(shop), live(shop).digest)
    (objection,) = judged(shop, with_gate(project, score_ms=1e-6), folder).objections
    assert objection.startswith("features and scores of 30 candidates take")


def test_what_is_live_is_not_judged_against_itself(shop, project):
    assert verdict(live(shop), live(shop), with_gate(project, score_ms=1e-6)).objections == ()


def test_damaged_findings_say_how_to_make_them_again(shop, project):
    folder = found(release(shop), live(shop).digest)
    beside(folder, ".evaluation.json").write_text("{}")
    with pytest.raises(DataError, match="measure the release again: searchrank evaluate"):
        judged(shop, project, folder)


def test_findings_are_read_as_they_were_written(shop):
    folder = release(shop)
    empty = replace(EVEN, ours=float("inf"), queries=0)
    written = Findings("d", 3, {"ndcg@10": 0.5}, "c", 1, (WORSE, empty), "why")
    written.write(folder)
    read = Findings.read(folder)
    assert read.slices[0] == WORSE
    assert str(read.slices[1].ours) == "nan"
    assert replace(read, slices=()) == replace(written, slices=())


@pytest.mark.usefixtures("ledger_alone")
def test_what_is_refused_becomes_live_by_force_alone_and_the_ledger_says_why(shop):
    folder = found(release(shop, WEIGHTS[::-1]), live(shop).digest, WORSE)
    with pytest.raises(ReleaseRefusedError, match=r"version 2 is refused: NDCG@10 in slice tail.*promote 2 .*--force"):
        promote(shop, folder, "none")
    ledger = Ledger(shop.ledger)
    assert ledger.live("taste").version == 1
    assert promote(shop, folder, "none", Terms(alias=CHALLENGER)).entry.forced == ""
    assert promote(shop, folder, "none", Terms(force=True)).entry.forced.startswith("NDCG@10 in slice tail falls")
    assert [bool(entry.forced) for entry in Ledger(shop.ledger).entries("taste")] == [False, True]
    assert "forced" not in shop.ledger.read_text().splitlines()[0]


@pytest.mark.usefixtures("ledger_alone")
def test_a_champion_that_cannot_be_opened_keeps_nobody_from_its_place(shop):
    folder = release(shop)
    model = live(shop).folder / "model.txt"
    model.chmod(0o644)
    model.write_text("broken")
    change = promote(shop, folder, "none")
    assert change.entry.version == 2
    assert "version 1, which is live, cannot be opened here" in change.note
