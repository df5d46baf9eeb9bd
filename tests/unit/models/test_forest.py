"""The forest engine against LightGBM itself: not one bit may differ."""

from __future__ import annotations

import numpy as np
import pytest

from searchrank.errors import DataError
from searchrank.models import Forest
from searchrank.models.kinds import parse_scorer

lightgbm = pytest.importorskip("lightgbm")


def _differing(text: str, rows: np.ndarray) -> int:
    expected = lightgbm.Booster(model_str=text).predict(rows, raw_score=True, num_threads=1)
    found = Forest.parse(text).score(np.ascontiguousarray(rows.T))
    return int((expected.view(np.int64) != found.view(np.int64)).sum())


def _simple(rows: int = 400, width: int = 4, seed: int = 3):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, width)).astype(np.float32)
    return x, (x[:, 0] * x[:, 1] > 0).astype(float)


def _text(x, y, rounds=20, categorical="auto", **parameters) -> str:
    defaults = {"verbose": -1, "num_threads": 1, "objective": "regression", "min_data_in_leaf": 1, "min_data_in_bin": 1}
    data = lightgbm.Dataset(x, y, categorical_feature=categorical)
    return lightgbm.train(defaults | parameters, data, rounds).model_to_string()


@pytest.mark.parametrize("rows", [0, 1, 31, 32, 33, 64, 65, 128, 129, 223, 224, 225, 448, 449, 673])
def test_every_number_of_rows_takes_the_same_bits(rows):
    x, y = _simple(700)
    text = _text(x, y, num_leaves=31)
    assert _differing(text, x[:rows]) == 0 if rows else Forest.parse(text).score(x[:0].T.copy()).shape == (0,)


@pytest.mark.parametrize("leaves", [2, 8, 9, 63, 255, 256, 257, 264, 600, 1024])
def test_trees_of_many_leaves_are_exact(leaves):
    x, y = _simple(3000)
    text = _text(x, y + x[:, 2], rounds=3, num_leaves=leaves, min_sum_hessian_in_leaf=0)
    assert f"num_leaves={leaves}\n" in text
    assert _differing(text, x[:500]) == 0


def test_more_than_255_thresholds_of_a_feature_are_exact():
    x = _simple(4000)[0][:, :1]
    text = _text(x, np.sin(30 * x[:, 0]), rounds=10, num_leaves=255, max_bin=2000)
    forest = Forest.parse(text)
    assert len(forest._packed.columns) > 1
    assert _differing(text, x) == 0


def test_a_model_that_learnt_nothing_has_single_leaf_trees():
    x, _ = _simple(50)
    text = _text(x, np.full(50, 2.5), rounds=3)
    forest = Forest.parse(text)
    assert (forest.trees, forest.leaves, forest.features) == (len(text.split("Tree=")) - 1, forest.trees, ())
    assert _differing(text, x) == 0


def test_categories_that_were_never_seen_go_right():
    rng = np.random.default_rng(5)
    x = rng.integers(0, 80, (600, 2)).astype(np.float32)
    text = _text(x, (x[:, 0] % 3 == 0) + 0.0, categorical=[0], cat_smooth=1, min_data_per_group=2)
    assert "num_cat=0\n" not in text.split("Tree=1")[0].split("Tree=0")[1]
    odd = np.array([[-1, 0], [-0.5, 0], [79.9, 0], [500, 3], [np.nan, 1], [2.0**31, 0], [-(2.0**31), 0], [np.inf, 1]])
    assert _differing(text, np.concatenate([x, odd.astype(np.float32)])) == 0


def test_a_random_forest_is_scored_raw():
    x, y = _simple()
    text = _text(x, y, boosting="rf", bagging_freq=1, bagging_fraction=0.5)
    assert "average_output" in text
    assert _differing(text, x) == 0


@pytest.mark.parametrize("trees", [1, 7, 20, 99])
def test_the_first_trees_alone_are_lightgbms_num_iteration(trees):
    x, y = _simple()
    text = _text(x, y)
    expected = lightgbm.Booster(model_str=text).predict(x, raw_score=True, num_iteration=trees, num_threads=1)
    np.testing.assert_array_equal(Forest.parse(text).score(np.ascontiguousarray(x.T), trees), expected)


@pytest.mark.parametrize("trees", [0, -1])
def test_a_score_of_no_trees_is_refused(trees):
    x, y = _simple()
    with pytest.raises(DataError, match="at least one"):
        Forest.parse(_text(x, y, rounds=2)).score(np.ascontiguousarray(x.T), trees)


def test_the_plain_python_kernel_gives_the_compiled_bits():
    from searchrank.models.kernels.bins import scratch_bytes  # noqa: PLC0415
    from searchrank.models.kernels.forest import score_forest  # noqa: PLC0415

    x, y = _simple()
    x[::7, 1] = np.nan
    for leaves in (31, 300):
        forest = Forest.parse(_text(x, y, rounds=2, num_leaves=leaves))
        columns = np.ascontiguousarray(x[:40].T)
        out = np.zeros(40)
        scratch = np.zeros(scratch_bytes(len(forest._packed.columns)), dtype=np.uint8)
        score_forest(
            forest._whole.address, columns.ctypes.data, 40, 0, 0, 0, forest.trees, scratch.ctypes.data, out.ctypes.data
        )
        assert out.tobytes() == forest.score(columns).tobytes()


@pytest.mark.parametrize("missing", [{}, {"zero_as_missing": True}, {"use_missing": False}])
def test_contributions_add_up_to_the_score(missing):
    rng = np.random.default_rng(6)
    x, y = _simple()
    x[:, 3] = rng.integers(-1, 30, len(x))
    x[rng.random(x.shape) < 0.1] = np.nan
    x[rng.random(x.shape) < 0.1] = 0
    x[:, 2] = 7  # nothing to ask there
    forest = Forest.parse(_text(x, y + (x[:, 3] % 3 == 0), categorical=[3], cat_smooth=1, **missing))
    columns = np.ascontiguousarray(x.T)
    scores = forest.score(columns)
    assert forest.features == (0, 1, 3)
    for row in range(0, len(x), 7):
        parts = forest.contributions(columns, row)
        assert parts.shape == (5,)
        assert abs(parts.sum() - scores[row]) <= 1e-9
        assert parts[2] == 0


def test_the_last_contribution_is_the_mean_of_the_training_rows():
    x, y = _simple()
    text = _text(x, y, rounds=5)
    columns = np.ascontiguousarray(x.T)
    forest = Forest.parse(text)
    assert forest.contributions(columns, 0)[-1] == pytest.approx(forest.score(columns).mean(), abs=1e-12)


def test_each_class_is_scored_to_the_bit_but_there_is_no_single_score():
    x, _ = _simple()
    text = _text(x, np.arange(len(x)) % 3, rounds=2, objective="multiclass", num_class=3)
    forest, columns = Forest.parse(text), np.ascontiguousarray(x.T)
    expected = lightgbm.Booster(model_str=text).predict(x, raw_score=True, num_threads=1)
    assert (forest.classes, forest.trees) == (3, 6)
    assert np.array_equal(forest.score_classes(columns), expected.T)
    for ask in (forest.score, lambda columns: forest.contributions(columns, 0)):
        with pytest.raises(DataError, match="3 classes has no single score"):
            ask(columns)


def test_a_release_refuses_several_classes():
    x, _ = _simple()
    text = _text(x, np.arange(len(x)) % 3, rounds=2, objective="multiclass", num_class=3)
    with pytest.raises(DataError, match="ranking needs one"):
        parse_scorer("lightgbm", text, ("a", "b", "c", "d"))


def test_linear_trees_are_left_to_the_library():
    x, y = _simple()
    with pytest.raises(DataError, match="LibraryForest scores"):
        Forest.parse(_text(x, y, rounds=2, linear_tree=True))


def test_damaged_text_is_refused():
    x, y = _simple()
    text = _text(x, y, rounds=2, num_leaves=4)
    line = next(line for line in text.split("\n") if line.startswith("left_child="))
    damages = {
        text[: text.index("end of trees") - 5]: "cut off",
        "hello": "no trees",
        text.replace("leaf_value=", "leaf_value=1 "): "entries of leaf_value",
        text.replace("threshold=", "threshold=x", 1): "no number",
        text.replace("split_feature=", "split_feature=7", 1): "outside the 4 named",
        text.replace(line, "left_child=0 0 0"): "do not form trees",
        text.replace(line, "left_child=9 -1 -2"): "outside its tree",
        text.replace("num_leaves=", "leaves_num="): "num_leaves",
        text.replace("num_tree_per_iteration=1", "num_tree_per_iteration=3"): "no whole number of iterations",
        text.replace("num_tree_per_iteration=1", "num_tree_per_iteration=0"): "no whole number of iterations",
    }
    for damaged, message in damages.items():
        with pytest.raises(DataError, match=message):
            Forest.parse(damaged)


def test_a_matrix_the_kernel_would_misread_is_refused():
    x, y = _simple()
    forest = Forest.parse(_text(x, y, rounds=2))
    for columns in (x.T, x.T.astype(np.float64), x.T[:3].copy(), x[0]):
        with pytest.raises(DataError):
            forest.score(columns)
    with pytest.raises(DataError, match="row 400"):
        forest.contributions(x.T.copy(), 400)
