"""Lists become one by weights, and some places are reserved."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recall import Candidates, FusionConfig, RecallConfig, fuse
from recall.fusion.file import fusion_text, read_fusion
from recall.fusion.linear import SIGNALS, signals
from searchrank.errors import ConfigError, NotFoundError


def ranked(rows, scores=None):
    return Candidates(np.array(rows, np.int64), np.array(scores or range(len(rows), 0, -1), np.float32))


def test_every_signal_is_what_it_says():
    ranks, scores = np.array([2, 0, 1], np.int32), np.array([3.0, np.nan, 5.0], np.float32)
    told = dict(zip(SIGNALS, signals(list(SIGNALS), ranks, scores, 20.0).tolist(), strict=True))
    assert told == {
        "found": [1, 0, 1],
        "reciprocal": [20 / 22, 0, 20 / 21],
        "top": [0.5, 0, 1],
        "score": [0, 0, 1],
        "raw": [3, 3, 5],
    }


def test_a_list_whose_scores_are_equal_gives_all_of_them_the_greatest():
    told = signals(["score"], np.array([1, 2, 0], np.int32), np.array([4, 4, np.nan], np.float32), 60.0)
    assert told.tolist() == [[1, 1, 0]]


def test_a_list_that_is_empty_says_nothing():
    told = signals(list(SIGNALS), np.zeros(3, np.int32), np.full(3, np.nan, np.float32), 60.0)
    assert not told.any()


def test_scores_that_are_not_finite_do_not_spoil_others():
    told = signals(["score"], np.array([1, 2, 3], np.int32), np.array([np.inf, 1, -np.inf], np.float32), 60.0)
    assert told.tolist() == [[1.0, 0.5, 0.0]]


def test_a_number_weighs_scores_between_least_and_greatest():
    fusion = FusionConfig(weights={"a": 0.7, "b": 0.3})
    fused = fuse([("a", ranked([5, 7, 9], [9, 6, 3])), ("b", ranked([7, 5], [2, 1]))], limit=9, fusion=fusion)
    assert fused.rows.tolist() == [5, 7, 9]
    assert fused.fused.tolist() == pytest.approx([0.7, 0.35 + 0.3, 0.0])


def test_a_branch_without_weight_counts_nothing_and_keeps_its_candidates():
    fused = fuse([("a", ranked([5])), ("b", ranked([3]))], limit=9, fusion=FusionConfig(weights={"a": 1}))
    assert fused.rows.tolist() == [5, 3]


lists = st.lists(st.lists(st.integers(0, 30), unique=True, max_size=15).map(ranked), min_size=1, max_size=4).map(
    lambda parts: [(f"b{at}", part) for at, part in enumerate(parts)]
)
numbers = st.floats(-3, 3).filter(bool)
weights = st.fixed_dictionaries(
    {}, optional={f"b{at}": st.fixed_dictionaries(dict.fromkeys(SIGNALS, numbers)) for at in range(4)}
)


@given(parts=lists, told=weights, limit=st.integers(1, 40), draw=st.randoms())
def test_the_order_of_the_branches_changes_no_bit(parts, told, limit, draw):
    fusion = FusionConfig(weights=told)
    one, other = (fuse(order, limit=limit, fusion=fusion) for order in (parts, draw.sample(parts, len(parts))))
    assert one.rows.tolist() == other.rows.tolist()
    assert one.fused.tobytes() == other.fused.tobytes()


@given(
    parts=lists,
    reserve=st.dictionaries(st.sampled_from(["b0", "b1", "b2"]), st.integers(1, 5)),
    limit=st.integers(1, 40),
)
def test_the_first_of_a_branch_keep_the_places_reserved_for_them(parts, reserve, limit):
    plain, kept = (fuse(parts, limit=limit, fusion=one) for one in (FusionConfig(), FusionConfig(reserve=reserve)))
    first = {row for name, part in parts for row in part.rows[: reserve.get(name, 0)].tolist()}
    assert len(kept) == len(plain)
    assert (np.diff(kept.fused) <= 0).all()
    assert len(first & set(kept.rows.tolist())) == min(limit, len(first))
    others = [row for row in kept.rows.tolist() if row not in first]
    every = [row for row in fuse(parts, limit=99).rows.tolist() if row not in first]
    assert others == every[: len(others)]


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ({"weights": {"dense": 1.0}}, "fusion speaks of 'dense', which is no branch here; there is popular"),
        ({"reserve": {"geo": 3}}, "fusion speaks of 'geo'"),
        ({"weights": {"popular": {"scores": 1.0}}}, "unknown key 'scores'"),
        ({"weights": {"popular": 0}}, "every weight is 0"),
        ({"weights": {"popular": float("nan")}}, "finite"),
        ({"reserve": {"popular": 0}}, "greater than 0"),
        ({"weights": {"popular": "much"}}, "weights.popular"),
    ],
)
def test_what_cannot_be_meant_is_refused(written, told):
    with pytest.raises(ConfigError, match=told.replace("(", r"\(")):
        RecallConfig.parse({"popular": {}, "fusion": written})


def test_a_section_is_read_as_it_was_written(tmp_path):
    fusion = FusionConfig(k=20, weights={"a": {"score": 0.25, "top": -1.5}}, reserve={"b": 3})
    (tmp_path / "f.yaml").write_text(fusion_text(fusion))
    assert read_fusion(tmp_path / "f.yaml") == fusion


def test_a_section_that_is_not_there_or_wrong_is_named(tmp_path):
    with pytest.raises(NotFoundError, match=r"none\.yaml"):
        read_fusion(tmp_path / "none.yaml")
    for text, told in (("k: [", "is not YAML"), ("weigths: {}", "weights"), ("- 1", "no fusion section")):
        (tmp_path / "f.yaml").write_text(text)
        with pytest.raises(ConfigError, match=told):
            read_fusion(tmp_path / "f.yaml")
