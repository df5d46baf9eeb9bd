"""A random forest in LightGBM's text form, splitting on every column, so that the proof needs no training stack."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["random_forest"]

MISSING_NAN_LEFT: Final = 10
MISSING_NAN_RIGHT: Final = 8


def random_forest(
    columns: npt.NDArray[np.float32], names: tuple[str, ...], *, trees: int = 60, leaves: int = 31, seed: int = 5
) -> str:
    """Return a model text whose thresholds are values of the columns.

    Args:
        columns: ``(f, n)`` values to draw thresholds from; NaN goes left or right by the toss of a coin.
        names: The columns' names.
        trees: Number of trees.
        leaves: Leaves of each tree.
        seed: Same seed, same forest.
    """
    rng = np.random.default_rng(seed)
    order = np.resize(rng.permutation(len(names)), trees * (leaves - 1))
    parts = [f"tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nfeature_names={' '.join(names)}\n"]
    for number in range(trees):
        features = order[number * (leaves - 1) : (number + 1) * (leaves - 1)]
        parts.append(_tree(rng, number, columns, features))
    return "\n".join([*parts, "end of trees\n"])


def _tree(
    rng: np.random.Generator, number: int, columns: npt.NDArray[np.float32], features: npt.NDArray[np.int64]
) -> str:
    left, right = _children(rng, len(features))
    thresholds = [_threshold(rng, columns[f]) for f in features]
    decisions = rng.choice([MISSING_NAN_LEFT, MISSING_NAN_RIGHT], len(features))
    values = rng.normal(size=len(features) + 1)
    fields = {
        "num_leaves": str(len(features) + 1),
        "num_cat": "0",
        "split_feature": _words(features),
        "threshold": " ".join(repr(float(t)) for t in thresholds),
        "decision_type": _words(decisions),
        "left_child": _words(left),
        "right_child": _words(right),
        "leaf_value": " ".join(repr(float(v)) for v in values),
        "is_linear": "0",
        "shrinkage": "1",
    }
    return f"Tree={number}\n" + "\n".join(f"{key}={value}" for key, value in fields.items()) + "\n"


def _children(rng: np.random.Generator, nodes: int) -> tuple[list[int], list[int]]:
    """Grow a tree by splitting a random leaf at a time; leaf k is written ~k."""
    left, right = [-1] * nodes, [-1] * nodes
    ends: list[tuple[list[int], int]] = []
    for node in range(nodes):
        if ends:
            side, parent = ends.pop(int(rng.integers(len(ends))))
            side[parent] = node
        ends += [(left, node), (right, node)]
    for leaf, (side, node) in enumerate(ends):
        side[node] = ~leaf
    return left, right


def _threshold(rng: np.random.Generator, column: npt.NDArray[np.float32]) -> float:
    known = column[np.isfinite(column)]
    return float(rng.choice(known)) if known.size else 0.0


def _words(values: npt.ArrayLike) -> str:
    return " ".join(str(v) for v in np.asarray(values).tolist())
