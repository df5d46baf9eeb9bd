"""LightGBM's model text read into arrays: all trees end to end, checked so that a kernel can trust every index."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from searchrank.errors import DataError

__all__ = ["CATEGORICAL", "Trees", "read_trees"]

CATEGORICAL: Final = 1  # bit 0 of decision_type; bit 1: missing goes left; bits 2-3: what counts as missing
_END: Final = "\nend of trees"
_NODE_KEYS: Final = ("split_feature", "threshold", "decision_type", "left_child", "right_child")

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trees:
    """A forest as LightGBM wrote it, nodes and leaves of all trees concatenated in tree order.

    Attributes:
        names: Name of every feature the model was trained with.
        classes: Scores a row; the trees of the classes take turns, so tree ``t`` belongs to class ``t % classes``.
        feature: ``(nodes,)`` which feature a node looks at.
        threshold: ``(nodes,)`` float64; ``x <= threshold`` goes left.
        decision: ``(nodes,)`` LightGBM's decision_type.
        left: ``(nodes,)`` left child: a node's number, or ``~leaf``.
        right: ``(nodes,)`` right child, alike.
        words: ``(w,)`` bitsets of all categorical nodes.
        first_word: ``(nodes,)`` where a categorical node's bitset begins.
        last_word: ``(nodes,)`` one past its end; equal to the first for a numerical node.
        leaf_value: ``(leaves,)`` float64.
        leaf_count: ``(leaves,)`` training rows in each leaf, at least 1.
        first_node: ``(trees + 1,)``.
        first_leaf: ``(trees + 1,)``.
    """

    names: tuple[str, ...]
    classes: int
    feature: Ints
    threshold: npt.NDArray[np.float64]
    decision: Ints
    left: Ints
    right: Ints
    words: npt.NDArray[np.uint32]
    first_word: Ints
    last_word: Ints
    leaf_value: npt.NDArray[np.float64]
    leaf_count: Ints
    first_node: Ints
    first_leaf: Ints

    @property
    def count(self) -> int:
        """Number of trees."""
        return self.first_leaf.size - 1

    @property
    def roots(self) -> Ints:
        """``(trees,)``: each tree's first node, or ``~leaf`` for a tree of one leaf."""
        has_nodes = np.diff(self.first_node) > 0
        return np.where(has_nodes, self.first_node[:-1], ~self.first_leaf[:-1])


def read_trees(text: str) -> Trees:
    """Read a model text as ``Booster.model_to_string()`` or ``save_model`` writes it.

    Raises:
        DataError: When the text is damaged, or holds linear trees.
    """
    head_text, *blocks = text.replace("\r\n", "\n").split("\nTree=")
    if not blocks:
        raise DataError("no trees: expected the text of LightGBM's Booster.save_model", field="model")
    if _END not in blocks[-1]:
        raise DataError("the text is cut off: its 'end of trees' line is missing", field="model")
    blocks[-1] = blocks[-1].split(_END, 1)[0]
    head = _fields(head_text)
    return _assemble(head, [_fields(block) for block in blocks])


def _classes(head: dict[str, str], trees: int) -> int:
    said = head.get("num_tree_per_iteration", "1")
    if not said.isdecimal() or int(said) < 1 or trees % int(said):
        raise DataError(f"{trees} trees are no whole number of iterations of {said}", field="model")
    return int(said)


def _fields(block: str) -> dict[str, str]:
    return {key: value for key, _, value in (line.partition("=") for line in block.split("\n"))}


def _numbers(parts: Iterable[str], convert: Callable[[str], Any], kind: type[Any], key: str) -> npt.NDArray[Any]:
    try:
        return np.array([convert(word) for part in parts for word in part.split()], dtype=kind)
    except (ValueError, OverflowError) as error:
        raise DataError(f"{key} holds something that is no number: {error}", field="model") from error


def _integers(trees: Sequence[dict[str, str]], key: str) -> Ints:
    return _numbers((tree.get(key, "") for tree in trees), int, np.int64, key)


def _starts(counts: Iterable[int]) -> Ints:
    return np.concatenate([[0], np.cumsum(np.fromiter(counts, dtype=np.int64))])


def _assemble(head: dict[str, str], trees: Sequence[dict[str, str]]) -> Trees:
    names = tuple(head.get("feature_names", "").split())
    sizes = [_leaves(number, tree) for number, tree in enumerate(trees)]
    first_leaf, first_node = _starts(sizes), _starts(size - 1 for size in sizes)
    decision = _integers(trees, "decision_type")
    threshold = _numbers((tree.get("threshold", "") for tree in trees), float, np.float64, "threshold")
    values = _numbers((tree.get("leaf_value", "") for tree in trees), float, np.float64, "leaf_value")
    if not (np.isfinite(values).all() and not np.isnan(threshold).any()):
        raise DataError("thresholds and leaf values must be numbers, found NaN or infinity", field="model")
    words, first_word, last_word = _bitsets(trees, decision, threshold, first_node)
    result = Trees(
        names=names,
        classes=_classes(head, len(trees)),
        feature=_integers(trees, "split_feature"),
        threshold=threshold,
        decision=decision,
        left=_children(_integers(trees, "left_child"), first_node, first_leaf),
        right=_children(_integers(trees, "right_child"), first_node, first_leaf),
        words=words,
        first_word=first_word,
        last_word=last_word,
        leaf_value=values,
        leaf_count=_counts(trees, values.size),
        first_node=first_node,
        first_leaf=first_leaf,
    )
    if result.feature.size and not 0 <= result.feature.min() <= result.feature.max() < len(names):
        raise DataError(f"a node looks at a feature outside the {len(names)} named ones", field="model")
    return result


def _leaves(number: int, tree: dict[str, str]) -> int:
    """Return a tree's number of leaves once the lengths of all its lists agree with it.

    Raises:
        DataError: When one does not, or the tree is linear.
    """
    try:
        leaves = int(tree["num_leaves"])
    except (KeyError, ValueError):
        raise DataError(f"tree {number} does not say num_leaves", field="model") from None
    if tree.get("is_linear", "0") != "0":
        raise DataError(
            f"tree {number} is linear, which LibraryForest scores; or train without linear_tree", field="model"
        )
    expected = dict.fromkeys(_NODE_KEYS, leaves - 1) | {"leaf_value": leaves}
    for key, length in expected.items():
        found = len(tree.get(key, "").split())
        if leaves < 1 or found != length:
            raise DataError(f"tree {number} has {leaves} leaves but {found} entries of {key}", field="model")
    return leaves


def _counts(trees: Sequence[dict[str, str]], leaves: int) -> Ints:
    counts = _integers(trees, "leaf_count")
    return np.maximum(counts, 1) if counts.size == leaves else np.ones(leaves, dtype=np.int64)


def _children(local: Ints, first_node: Ints, first_leaf: Ints) -> Ints:
    """Turn a tree's own child numbers into numbers over the whole forest.

    Raises:
        DataError: When a child lies outside its tree.
    """
    tree = np.repeat(np.arange(first_node.size - 1), np.diff(first_node))
    nodes, leaves = np.diff(first_node)[tree], np.diff(first_leaf)[tree]
    leaf = ~local
    if not np.where(local >= 0, local < nodes, leaf < leaves).all():
        raise DataError("a node's child lies outside its tree", field="model")
    return np.where(local >= 0, first_node[tree] + local, ~(first_leaf[tree] + leaf))


def _bitsets(
    trees: Sequence[dict[str, str]], decision: Ints, threshold: npt.NDArray[np.float64], first_node: Ints
) -> tuple[npt.NDArray[np.uint32], Ints, Ints]:
    """Return all bitset words and where each node's begin and end.

    Raises:
        DataError: When a categorical split names a bitset that is not there.
    """
    words = _integers(trees, "cat_threshold")
    if words.size and not 0 <= words.min() <= words.max() < 1 << 32:
        raise DataError("cat_threshold holds something that is no 32-bit word", field="model")
    first, last = np.zeros_like(decision), np.zeros_like(decision)
    categorical = np.flatnonzero((decision & CATEGORICAL) == CATEGORICAL)
    with_categories = set((np.searchsorted(first_node, categorical, side="right") - 1).tolist())
    base = 0
    for number, tree in enumerate(trees):
        if "cat_threshold" not in tree and number not in with_categories:
            continue
        bounds = _integers([tree], "cat_boundaries")
        begin, end = np.searchsorted(categorical, first_node[number : number + 2])
        chosen = categorical[begin:end]
        index = np.clip(threshold[chosen], -1, 1 << 30).astype(np.int64)
        size = len(tree.get("cat_threshold", "").split())
        rising = bounds.size == 0 or (bounds[0] == 0 and bounds[-1] == size and bool((np.diff(bounds) >= 0).all()))
        if not rising or (chosen.size and not 0 <= index.min() <= index.max() < bounds.size - 1):
            raise DataError(f"tree {number}: cat_boundaries and categorical splits disagree", field="model")
        first[chosen], last[chosen] = base + bounds[index], base + bounds[index + 1]
        base += size
    return words.astype(np.uint32), first, last
