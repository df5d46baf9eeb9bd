"""Weights of fusion are learnt from judged lists."""

import numpy as np
import pytest

from recall import Candidates, FusionConfig, fuse
from searchrank.errors import DataError, NotFoundError
from trainer.fusion.fitting import JudgedList, fit_fusion, gains
from trainer.fusion.judged import read_judged


def lists(count, seed=0):
    """A branch that is right more often than not, and one that guesses."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        rows = rng.permutation(30)
        scores = rng.normal(size=30) + np.where(np.arange(30) == 0, 3.0, 0.0)
        good = np.argsort(-scores)
        parts = [
            ("good", Candidates(rows[good], scores[good].astype(np.float32))),
            ("guess", Candidates(rng.permutation(60), np.arange(60, 0, -1, dtype=np.float32))),
        ]
        made.append(JudgedList(fuse(parts, limit=100), {int(rows[0]): 1}))
    return made


def test_the_branch_that_is_right_is_trusted():
    fitted = fit_fusion(lists(80))
    assert fitted.ours.mean() > fitted.theirs.mean() + 0.1
    fresh = lists(80, seed=1)
    served = []
    for one in fresh:
        parts = [
            (name, Candidates(one.found.rows[has][order], scores[has][order]))
            for name, ranks, scores in zip(one.found.branches, one.found.ranks, one.found.scores, strict=True)
            for has in [ranks > 0]
            for order in [np.argsort(ranks[has])]
        ]
        found = fuse(parts, limit=100, fusion=fitted.fusion)
        served.append(found.fused[np.argsort(found.rows)][np.argsort(np.argsort(one.found.rows))])
    assert gains(fresh, served).mean() == pytest.approx(fitted.ours.mean(), abs=0.08)


def test_learning_again_gives_the_same_weights():
    assert fit_fusion(lists(30)).fusion == fit_fusion(lists(30)).fusion


def test_what_was_not_found_counts_as_missed():
    (one,) = lists(1)
    missed = JudgedList(one.found, {**one.grades, 99: 1})
    best = np.array([float(row in one.grades) for row in one.found.rows.tolist()])
    assert gains([one], [best])[0] == 1.0
    assert gains([missed], [best])[0] == pytest.approx(1 / (1 + 1 / np.log2(3)))


def test_too_few_judged_queries_are_refused():
    with pytest.raises(DataError, match="5 of 7 queries have a relevant candidate; 20 are the fewest"):
        fit_fusion([*lists(5), *(JudgedList(one.found, {99: 1}) for one in lists(2))])


@pytest.mark.parametrize(
    "text",
    ["query-id\tcorpus-id\tscore\nq1\td2\t1\nq1\td3\t0\nq2\td9\t1\n", "q1 0 d2 1\nq1 0 d3 0\n\nq2 0 d9 1\n"],
)
def test_judgements_are_read_in_either_form(tmp_path, text):
    (tmp_path / "qrels").write_text(text)
    assert read_judged(tmp_path / "qrels", {"d2": 2, "d3": 3}) == {"q1": {2: 1}}


def test_judgements_that_cannot_be_used_are_named(tmp_path):
    path = tmp_path / "qrels"
    with pytest.raises(NotFoundError, match="qrels"):
        read_judged(path, {})
    path.write_text("q1 d1 1\nq1 d2 much\n")
    with pytest.raises(DataError, match=r"line 2 of .* is not a query, an item and a whole grade"):
        read_judged(path, {"d1": 0})
    path.write_text("")
    with pytest.raises(DataError, match="names no relevant item"):
        read_judged(path, {"d1": 0})
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="line 1"):
        read_judged(path, {"d1": 0})


def test_weights_of_a_config_are_what_is_served():
    fitted = fit_fusion(lists(40))
    assert isinstance(fitted.fusion, FusionConfig)
    assert set(fitted.fusion.weights) == {"good", "guess"}
