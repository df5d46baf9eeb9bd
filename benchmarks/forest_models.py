"""Random LightGBM models of every kind, and rows that ask where their decisions are closest."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from typing import Any, Final

import lightgbm
import numpy as np
import numpy.typing as npt

from searchrank.models import Forest, LibraryForest

__all__ = ["KINDS", "Drawn", "differing", "differing_binned", "differing_library", "draw_model"]

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.float32]

KINDS: Final = (
    "missing none",
    "missing zero",
    "missing NaN",
    "zero_as_missing",
    "use_missing off",
    "categorical",
    "> 255 thresholds",
    "> 256 leaves",
    "single-leaf trees",
    "multi-class",
    "random forest",
    "dart",
    "linear",
)
_OBJECTIVES: Final = ("regression", "binary", "lambdarank", "poisson", "multiclass", "multiclassova")
_MISSING: Final = KINDS[:3]  # in the order of decision_type's bits 2 and 3
_CUTS: Final = (np.inf, -np.inf, 1e-36, -1e-36, 1e-35, 1e38, -1e300)
_ODD: Final = np.array(
    [np.nan, 0, -0.0, np.inf, -np.inf, -3, -0.5, 2.7, 1e10, 2147483648, 3e38, 1e-35, -1e-35, 1e-36, 1e-40, -1e-45],
    dtype=np.float32,
)


@dataclass(frozen=True, slots=True)
class Drawn:
    """One model and rows to try it on.

    Attributes:
        text: LightGBM's text of the model.
        rows: ``(n, f)``.
        kinds: Those of ``KINDS`` that the trained model is of.
    """

    text: str
    rows: Rows
    kinds: frozenset[str]


def draw_model(seed: int) -> Drawn:
    """Draw data of 3 to 11 features, train a model on it and draw rows."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(300, 2500))
    x, categorical = _features(rng, count)
    parameters = _parameters(rng)
    classes = parameters.get("num_class", 1)
    with warnings.catch_warnings(), np.errstate(over="ignore"):
        warnings.simplefilter("ignore")
        data = lightgbm.Dataset(
            x,
            _labels(rng, x, parameters),
            group=np.bincount(np.arange(count) % 3) if parameters["objective"] == "lambdarank" else None,
            categorical_feature=categorical,
        )
        text = lightgbm.train(parameters, data, int(rng.integers(1, 13 if classes == 1 else 5))).model_to_string()
        rows = _probe(rng, text, x)
    return Drawn(text, rows, _kinds(text, parameters))


def differing(drawn: Drawn, forest: Forest) -> int:
    """Return how many raw scores differ from LightGBM's in any bit."""
    return _unequal(_expected(drawn), forest.score_classes(np.ascontiguousarray(drawn.rows.T)).T)


def differing_binned(drawn: Drawn, forest: Forest) -> int:
    """Return the same of a forest that reads some columns, drawn anew for each model, from records of items."""
    width = drawn.rows.shape[1]
    rng = np.random.default_rng(len(drawn.text))
    own = np.flatnonzero(rng.random(width) < rng.choice([0.3, 0.7, 1.0]))
    binned, columns = forest.binned(own.tolist()), np.ascontiguousarray(drawn.rows.T)
    items = binned.prepare(np.ascontiguousarray(columns[own]))
    order = rng.permutation(len(drawn.rows))
    found = binned.score_classes(np.ascontiguousarray(columns[binned.others][:, order]), items, order)
    return _unequal(_expected(drawn)[order], found.T)


def differing_library(drawn: Drawn) -> int:
    """Return the same of LightGBM's own library, for a model of one class."""
    found = LibraryForest(drawn.text).score(np.ascontiguousarray(drawn.rows.T))
    return _unequal(_expected(drawn), found[:, None])


def _expected(drawn: Drawn) -> Floats:
    booster = lightgbm.Booster(model_str=drawn.text)
    expected: Floats = booster.predict(drawn.rows, raw_score=True, num_threads=1).reshape(len(drawn.rows), -1)
    return expected


def _unequal(expected: Floats, found: Floats) -> int:
    return int((np.ascontiguousarray(expected).view(np.int64) != np.ascontiguousarray(found).view(np.int64)).sum())


def _features(rng: np.random.Generator, count: int) -> tuple[Floats, list[int]]:
    """Return ``(count, f)`` numbers of many sizes with NaN, zeros and extremes, and which columns are categories."""
    width = int(rng.integers(3, 12))
    x = rng.normal(size=(count, width)) * 10 ** rng.uniform(-2, 3, width)
    for f, kind in enumerate(rng.integers(0, 6, width)):
        if kind == 0:
            x[:, f] = np.round(x[:, f])
        if kind in {1, 3}:
            x[rng.random(count) < 0.3, f] = np.nan
        if kind in {2, 3}:
            x[rng.random(count) < 0.4, f] = 0
        if kind == 4:
            odd = rng.random(count) < 0.05
            x[odd, f] = rng.choice(_CUTS, int(odd.sum()))
    categorical = np.flatnonzero(rng.random(width) < 0.25).tolist()
    for f in categorical:
        x[:, f] = rng.integers(0, rng.choice([3, 20, 300]), count)
        x[rng.random(count) < 0.1, f] = np.nan
    return x, categorical


def _parameters(rng: np.random.Generator) -> dict[str, Any]:
    objective = str(rng.choice(_OBJECTIVES, p=(0.25, 0.2, 0.2, 0.15, 0.1, 0.1)))
    chosen: dict[str, Any] = {
        "objective": objective,
        "num_leaves": int(rng.choice([2, 7, 31, 255, 1024])),
        "min_data_in_leaf": int(rng.choice([1, 5])),
        "min_gain_to_split": float(rng.choice([0, 10 ** rng.uniform(-2, 4)], p=(0.8, 0.2))),
        "max_bin": int(rng.choice([15, 255, 2000])),
        "max_cat_to_onehot": int(rng.choice([1, 4])),
        "zero_as_missing": bool(rng.random() < 0.3),
        "use_missing": bool(rng.random() < 0.85),
        "learning_rate": 0.2,
        "cat_smooth": 1,
        "min_data_per_group": 2,
        "min_data_in_bin": 1,
        "min_sum_hessian_in_leaf": 1e-6,
        "feature_pre_filter": False,
        "num_threads": 1,
        "verbose": -1,
    }
    if objective.startswith("multiclass"):
        chosen["num_class"] = int(rng.integers(3, 6))
    manner = rng.choice(["gbdt", "rf", "dart", "linear"], p=(0.65, 0.16, 0.16, 0.03))
    if manner == "linear":
        return chosen | {"objective": "regression", "num_class": 1, "linear_tree": True, "zero_as_missing": False}
    sampled = {"bagging_freq": 1, "bagging_fraction": 0.6} if manner == "rf" else {}
    return chosen | sampled | {"boosting": str(manner)}


def _labels(rng: np.random.Generator, x: Floats, parameters: dict[str, Any]) -> npt.NDArray[np.int64]:
    """Return grades that depend on the first two columns, as many as the objective takes."""
    known = np.clip(np.nan_to_num(x[:, :2]), -1e6, 1e6)
    spread = known.std(axis=0) + 1e-9
    target = (known / spread).sum(axis=1) + rng.normal(size=len(x))
    grades = parameters.get("num_class", 1) if parameters["objective"].startswith("multiclass") else 3
    levels: npt.NDArray[np.int64] = np.digitize(target, np.quantile(target, np.arange(1, grades) / grades))
    if parameters["objective"] == "binary":
        levels[levels > 1] = 1
    return levels


def _nodes(text: str) -> list[tuple[npt.NDArray[np.int64], Floats, npt.NDArray[np.int64]]]:
    """Return each tree's split features, thresholds and decision types."""
    lists = (
        re.findall(rf"^{key}=(.*)$", text, re.MULTILINE) for key in ("split_feature", "threshold", "decision_type")
    )
    trees = zip(*lists, strict=True)
    return [
        (np.array(f.split(), np.int64), np.array(t.split(), float), np.array(d.split(), np.int64)) for f, t, d in trees
    ]


def _probe(rng: np.random.Generator, text: str, x: Floats) -> Rows:
    """Return rows of the data, a third of the cells odd or a threshold of their feature give or take an ulp."""
    rows = x[rng.integers(0, len(x), int(rng.integers(60, 300)))].astype(np.float32)
    odd = rng.random(rows.shape) < 0.15
    rows[odd] = rng.choice(_ODD, int(odd.sum()))
    features, thresholds, _ = (np.concatenate(parts) for parts in zip(*_nodes(text), strict=True))
    for f in np.unique(features).tolist():
        exact = thresholds[features == f].astype(np.float32)
        up, down = np.float32(np.inf), np.float32(-np.inf)
        near = np.concatenate([exact, np.nextafter(exact, up), np.nextafter(exact, down), exact + np.float32(0.9)])
        chosen = rng.random(len(rows)) < 0.2
        rows[chosen, f] = rng.choice(near, int(chosen.sum()))
    return rows


def _kinds(text: str, parameters: dict[str, Any]) -> frozenset[str]:
    """Name what the text holds, and the parameters that left no name in it."""
    features, thresholds, decisions = (np.concatenate(parts) for parts in zip(*_nodes(text), strict=True))
    numeric = (decisions & 1) == 0
    pairs = np.unique(np.stack([features[numeric].astype(float), thresholds[numeric]]), axis=1)
    leaves = [int(size) for size in re.findall(r"^num_leaves=(\d+)$", text, re.MULTILINE)]
    found = {_MISSING[rule] for rule in np.unique((decisions[numeric] >> 2) & 3).tolist()}
    told = {
        "zero_as_missing": parameters["zero_as_missing"],
        "use_missing off": not parameters["use_missing"],
        "categorical": bool((~numeric).any()),
        "> 255 thresholds": bool(pairs.size) and int(np.unique(pairs[0], return_counts=True)[1].max()) > 255,
        "> 256 leaves": max(leaves) > 256,
        "single-leaf trees": min(leaves) == 1,
        "multi-class": "\nnum_tree_per_iteration=1\n" not in text,
        "random forest": parameters.get("boosting") == "rf",
        "dart": parameters.get("boosting") == "dart",
        "linear": "\nis_linear=1" in text,
    }
    return frozenset(found | {kind for kind, holds in told.items() if holds})
