"""One row's way through each tree, in plain Python: LightGBM's decisions, and what each step added to the score."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from searchrank.errors import DataError
from searchrank.models.tree_text import CATEGORICAL, Trees

__all__ = ["goes_left", "nodes_by_depth", "path_contributions", "subtree_means"]

_TINY: Final = float(np.float32(1e-35))
_INT_END: Final = 2147483648.0

Ints = npt.NDArray[np.int64]


def goes_left(trees: Trees, node: int, value: float) -> bool:
    """Return LightGBM's decision at one node."""
    decision = int(trees.decision[node])
    if decision & CATEGORICAL:
        if not -1.0 < value < _INT_END:  # NaN, negative, beyond an int
            return False
        code = int(value)
        bits = trees.words[trees.first_word[node] : trees.last_word[node]]
        return code < 32 * bits.size and bool((int(bits[code >> 5]) >> (code & 31)) & 1)
    missing = (decision >> 2) & 3
    if abs(value) <= _TINY or (math.isnan(value) and missing != 2):
        value = 0.0
    if (missing == 1 and value == 0.0) or (missing == 2 and math.isnan(value)):
        return bool(decision & 2)
    return value <= float(trees.threshold[node])


def nodes_by_depth(trees: Trees) -> list[Ints]:
    """Return the nodes of all trees by depth, roots first, each node once.

    Raises:
        DataError: When a node or leaf is reached twice or never.
    """
    children = trees.roots
    levels: list[Ints] = []
    leaves: list[Ints] = []
    reached = 0
    while children.size and reached <= trees.feature.size:
        nodes = children[children >= 0]
        leaves.append(~children[children < 0])
        levels.append(nodes)
        reached += nodes.size
        children = np.concatenate([trees.left[nodes], trees.right[nodes]])
    for parts, count in ((levels, trees.feature.size), (leaves, trees.leaf_value.size)):
        found = np.concatenate(parts)
        if found.size != count or np.unique(found).size != count:
            raise DataError("the nodes do not form trees: one is reached twice or never", field="model")
    return levels


def subtree_means(trees: Trees, levels: list[Ints]) -> npt.NDArray[np.float64]:
    """Return each node's mean leaf value, weighted by training rows, shape ``(nodes,)``.

    Args:
        trees: The forest.
        levels: ``nodes_by_depth`` of it.
    """
    total, weight = np.zeros(trees.feature.size), np.zeros(trees.feature.size)
    leaf_weight = trees.leaf_count.astype(np.float64)
    leaf_total = leaf_weight * trees.leaf_value
    for nodes in reversed(levels):
        for side in (trees.left, trees.right):
            child = side[nodes]
            inner = np.maximum(child, 0)
            leaf = np.maximum(~child, 0)
            total[nodes] += np.where(child < 0, leaf_total[leaf], total[inner])
            weight[nodes] += np.where(child < 0, leaf_weight[leaf], weight[inner])
    return total / np.maximum(weight, 1.0)


def path_contributions(
    trees: Trees, means: npt.NDArray[np.float64], values: npt.NDArray[np.float32]
) -> npt.NDArray[np.float64]:
    """Return what each feature added to a row's score, and last the mean of all trees.

    Args:
        trees: The forest.
        means: ``subtree_means`` of it.
        values: The row, shape ``(f,)``.

    Returns:
        Shape ``(f + 1,)``.
    """
    result = np.zeros(values.size + 1)
    for root in trees.roots.tolist():
        node = root
        current = float(means[node]) if node >= 0 else float(trees.leaf_value[~node])
        result[-1] += current
        while node >= 0:
            feature = int(trees.feature[node])
            child = trees.left[node] if goes_left(trees, node, float(values[feature])) else trees.right[node]
            after = float(means[child]) if child >= 0 else float(trees.leaf_value[~child])
            result[feature] += after - current
            node, current = int(child), after
    return result
