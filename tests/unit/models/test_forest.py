"""The forest engine against LightGBM itself: not one bit may differ."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from searchrank.errors import DataError
from searchrank.models import Forest

lightgbm = pytest.importorskip("lightgbm")

OBJECTIVES = ("regression", "binary", "lambdarank", "poisson", "rf")
ODD_VALUES = (np.nan, 0.0, -0.0, -3.0, 1e10, np.inf, -np.inf, 1e-36, -1e-36, 1e-35, 2.7, -0.5, 2147483648.0, 3e38)


def _features(rng: np.random.Generator, rows: int) -> tuple[np.ndarray, list[int]]:
    width = int(rng.integers(3, 10))
    x = rng.normal(size=(rows, width)) * 10 ** rng.uniform(-2, 3, width)
    for f in range(width):
        kind = rng.integers(0, 6)
        if kind == 0:
            x[:, f] = np.round(x[:, f])
        if kind in {1, 3}:
            x[rng.random(rows) < 0.3, f] = np.nan
        if kind in {2, 3}:
            x[rng.random(rows) < 0.4, f] = 0
        if kind == 4:
            odd = rng.random(rows) < 0.05
            x[odd, f] = rng.choice([np.inf, -np.inf, 1e-36, -1e-36, 1e-35, 1e38, -1e300], int(odd.sum()))
    categorical = [f for f in range(width) if rng.random() < 0.3]
    for f in categorical:
        x[:, f] = rng.integers(0, rng.choice([3, 20, 300]), rows)
        x[rng.random(rows) < 0.1, f] = np.nan
    return x, categorical


def _parameters(rng: np.random.Generator, objective: str) -> dict:
    chosen = {
        "num_leaves": int(rng.choice([2, 7, 31, 255, 1000])),
        "min_data_in_leaf": int(rng.choice([1, 5])),
        "max_bin": int(rng.choice([15, 255, 1000])),
        "zero_as_missing": bool(rng.random() < 0.3),
        "use_missing": bool(rng.random() < 0.85),
        "max_cat_to_onehot": int(rng.choice([1, 4])),
        "objective": "binary" if objective == "rf" else objective,
    }
    fixed = {
        "verbose": -1,
        "num_threads": 1,
        "cat_smooth": 1,
        "min_data_per_group": 2,
        "feature_pre_filter": False,
        "learning_rate": 0.2,
        "min_sum_hessian_in_leaf": 1e-6,
    }
    forest = {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.6} if objective == "rf" else {}
    return chosen | fixed | forest


def _train(seed: int, **overrides):
    """Train one random model; return its text and rows of its kind of data."""
    rng = np.random.default_rng(seed)
    rows = int(rng.integers(300, 1500))
    x, categorical = _features(rng, rows)
    objective = OBJECTIVES[seed % len(OBJECTIVES)]
    target = np.clip(np.nan_to_num(x[:, 0]), -1e6, 1e6)
    levels = np.digitize(target + rng.normal(size=rows) * target.std(), np.quantile(target, [0.5, 0.8]))
    y = (levels > 0).astype(int) if objective in {"binary", "rf"} else levels
    third = rows // 3
    group = [third, third, rows - 2 * third] if objective == "lambdarank" else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = lightgbm.Dataset(x, y, group=group, categorical_feature=categorical)
        booster = lightgbm.train(_parameters(rng, objective) | overrides, data, int(rng.integers(1, 12)))
    return booster.model_to_string(), x, rng


def _probe(text: str, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return 300 float32 rows: real ones, odd values, and thresholds give or take one ulp."""
    rows = x[rng.integers(0, len(x), 300)].astype(np.float32)
    odd = rng.random(rows.shape) < 0.15
    rows[odd] = rng.choice(np.array(ODD_VALUES, dtype=np.float32), int(odd.sum()))
    lines = [line for line in text.split("\n") if line.startswith("threshold=")]
    with np.errstate(over="ignore"):
        cuts = np.array(" ".join(line[10:] for line in lines).split() or ["0"], dtype=np.float64).astype(np.float32)
    near = np.concatenate([cuts, np.nextafter(cuts, np.float32(np.inf)), np.nextafter(cuts, np.float32(-np.inf))])
    exact = rng.random(rows.shape) < 0.2
    rows[exact] = rng.choice(near, int(exact.sum()))
    return rows


def _differing(text: str, rows: np.ndarray) -> int:
    expected = lightgbm.Booster(model_str=text).predict(rows, raw_score=True, num_threads=1)
    found = Forest.parse(text).score(np.ascontiguousarray(rows.T))
    return int((expected.view(np.int64) != found.view(np.int64)).sum())


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("block", range(8))
def test_no_bit_differs_from_lightgbm_on_random_models(block):
    for seed in range(block * 10, block * 10 + 10):
        text, x, rng = _train(seed)
        with np.errstate(over="ignore"):
            assert _differing(text, _probe(text, x, rng)) == 0, f"seed {seed}"


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


def test_the_plain_python_kernel_gives_the_compiled_bits():
    from searchrank.models.kernels.forest import score_forest, scratch_bytes  # noqa: PLC0415

    x, y = _simple()
    x[::7, 1] = np.nan
    for leaves in (31, 300):
        forest = Forest.parse(_text(x, y, rounds=2, num_leaves=leaves))
        columns = np.ascontiguousarray(x[:40].T)
        out = np.zeros(40)
        scratch = np.zeros(scratch_bytes(len(forest._packed.columns)), dtype=np.uint8)
        score_forest(forest._address, columns.ctypes.data, 40, scratch.ctypes.data, out.ctypes.data)
        assert out.tobytes() == forest.score(columns).tobytes()


def test_contributions_add_up_to_the_score():
    for seed in (1, 2, 7, 13):
        text, x, rng = _train(seed)
        forest = Forest.parse(text)
        with np.errstate(over="ignore"):
            columns = np.ascontiguousarray(_probe(text, x, rng).T)
        scores = forest.score(columns)
        for row in range(0, 300, 7):
            parts = forest.contributions(columns, row)
            assert parts.shape == (len(columns) + 1,)
            assert abs(parts.sum() - scores[row]) <= 1e-9
            unused = [f for f in range(len(columns)) if f not in forest.features]
            assert not parts[unused].any()


def test_the_last_contribution_is_the_mean_of_the_training_rows():
    x, y = _simple()
    text = _text(x, y, rounds=5)
    columns = np.ascontiguousarray(x.T)
    forest = Forest.parse(text)
    assert forest.contributions(columns, 0)[-1] == pytest.approx(forest.score(columns).mean(), abs=1e-12)


def test_several_classes_are_refused():
    x, _ = _simple()
    text = _text(x, np.arange(len(x)) % 3, rounds=2, objective="multiclass", num_class=3)
    with pytest.raises(DataError, match="multi-class"):
        Forest.parse(text)


def test_linear_trees_are_refused_with_the_way_out():
    x, y = _simple()
    with pytest.raises(DataError, match="train without linear_tree"):
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
