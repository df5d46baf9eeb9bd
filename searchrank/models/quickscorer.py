"""A forest repacked for the byte-sliced QuickScorer (Lucchese et al. 2015; RapidScorer, Ye et al. 2018).

Every threshold becomes its rank among the thresholds of its *bin column*, so a float becomes a byte and
``x <= threshold`` becomes ``bin <= rank``, exactly. A node becomes *entries* (bin column, rank, byte of leaves that die
when its test fails); a row's leaf is the first that survives all entries of its tree.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby, islice
from operator import itemgetter
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from searchrank.errors import DataError
from searchrank.models.kernels.bins import BITSET, COLUMN_SLOTS, EIGHT, MISSING_NAN
from searchrank.models.kernels.forest import TREE_SLOTS
from searchrank.models.tree_text import CATEGORICAL, Trees

__all__ = ["MOST_LEAVES", "Packed", "pack"]

MOST_LEAVES: Final = 2048  # a leaf is named by a byte number and a bit in it
_CHUNK: Final = 255  # thresholds of one bin column: ranks 0 to 254, bins 0 to 255

Ints = npt.NDArray[np.int64]
_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """The tables that ``searchrank.models.kernels.forest.score_forest`` reads.

    Attributes:
        columns: ``(c, COLUMN_SLOTS)`` int64: how each bin column of a number, or eight of a category, are made.
        thresholds: float32, each column's padded with infinity to eights.
        members: uint8, for eight bitsets of a category at a time a byte for each code, a bit for each bitset.
        trees: ``(t, TREE_SLOTS)`` int64: first group, bytes of leaves, first leaf.
        groups: int64, where each (tree, byte, side) group of entries begins, and the end.
        entry_columns: int32, bin column of each entry.
        entry_ranks: uint8, rank with the top bit flipped, to be compared as int8.
        entry_masks: uint8, leaves that die.
        leaves: float64, leaf values in the order of their bits.
    """

    columns: Ints
    thresholds: npt.NDArray[np.float32]
    members: npt.NDArray[np.uint8]
    trees: Ints
    groups: Ints
    entry_columns: npt.NDArray[np.int32]
    entry_ranks: npt.NDArray[np.uint8]
    entry_masks: npt.NDArray[np.uint8]
    leaves: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    """Where leaves lie once the heavier child of each node is put on the right.

    Attributes:
        mirrored: ``(nodes,)`` whether the children changed sides.
        start: ``(nodes,)`` position in its tree of the first leaf below a node.
        dying: ``(nodes,)`` number of leaves of the lighter child, which lie first.
        position: ``(leaves,)`` position of a leaf in its tree.
    """

    mirrored: npt.NDArray[np.bool_]
    start: Ints
    dying: Ints
    position: Ints


def pack(trees: Trees, levels: list[Ints]) -> Packed:
    """Repack a forest.

    Args:
        trees: The forest.
        levels: ``nodes_by_depth`` of it.

    Raises:
        DataError: When a tree has more leaves than a leaf number holds.
    """
    sizes = np.diff(trees.first_leaf)
    if sizes.max() > MOST_LEAVES:
        raise DataError(
            f"a tree has {sizes.max()} leaves, more than {MOST_LEAVES}; train with a smaller num_leaves", field="model"
        )
    order = _order(trees, levels)
    column, rank, columns, thresholds, members = _bin_columns(trees)
    widths = (sizes + 7) // 8
    first_group = 2 * np.concatenate([[0], np.cumsum(widths)])
    tree_of = np.repeat(np.arange(trees.count), np.diff(trees.first_node))
    first, last = order.start >> 3, (order.start + order.dying - 1) >> 3
    node, byte = _spans(first, last)
    group = first_group[tree_of[node]] + 2 * (widths[tree_of[node]] - 1 - byte) + order.mirrored[node]
    low = np.maximum(order.start[node], byte * 8) - byte * 8
    high = np.minimum(order.start[node] + order.dying[node], byte * 8 + 8) - byte * 8
    mask = (1 << high) - (1 << low)
    sort = np.lexsort((rank[node], column[node], group))
    leaves = np.empty(trees.leaf_value.size)
    leaves[np.repeat(trees.first_leaf[:-1], sizes) + order.position] = trees.leaf_value
    table = np.zeros((trees.count, TREE_SLOTS), dtype=np.int64)
    table[:, 0], table[:, 1], table[:, 2] = first_group[:-1], widths, trees.first_leaf[:-1]
    counts = np.bincount(group, minlength=int(first_group[-1]))
    return Packed(
        columns=columns,
        thresholds=thresholds,
        members=members,
        trees=table,
        groups=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        entry_columns=column[node][sort].astype(np.int32),
        entry_ranks=(rank[node][sort] ^ 128).astype(np.uint8),
        entry_masks=mask[sort].astype(np.uint8),
        leaves=leaves,
    )


def _spans(first: Ints, last: Ints) -> tuple[Ints, Ints]:
    """Return every (node, byte) with ``first[node] <= byte <= last[node]``."""
    counts = last - first + 1
    node = np.repeat(np.arange(first.size), counts)
    begin = np.cumsum(counts) - counts
    return node, first[node] + np.arange(node.size) - begin[node]


def _order(trees: Trees, levels: list[Ints]) -> _Order:
    size = np.zeros(trees.feature.size, dtype=np.int64)

    def weight(child: Ints) -> Ints:
        return np.where(child < 0, 1, size[np.maximum(child, 0)]) if size.size else np.ones_like(child)

    for nodes in reversed(levels):
        size[nodes] = weight(trees.left[nodes]) + weight(trees.right[nodes])
    mirrored = weight(trees.left) > weight(trees.right)
    light = np.where(mirrored, trees.right, trees.left)
    heavy = np.where(mirrored, trees.left, trees.right)
    dying = weight(light)
    start = np.zeros(trees.feature.size, dtype=np.int64)
    position = np.zeros(trees.leaf_value.size, dtype=np.int64)
    for nodes in levels:
        for child, begin in ((light[nodes], start[nodes]), (heavy[nodes], start[nodes] + dying[nodes])):
            inner = child >= 0
            start[child[inner]] = begin[inner]
            position[~child[~inner]] = begin[~inner]
    return _Order(mirrored=mirrored, start=start, dying=dying, position=position)


def _rounded_down(threshold: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Return the largest float32 not above each threshold: the same test for every float32."""
    with np.errstate(over="ignore", under="ignore"):
        near = threshold.astype(np.float32)
    return np.where(near.astype(np.float64) > threshold, np.nextafter(near, np.float32(-np.inf)), near)


def _bin_columns(trees: Trees) -> tuple[Ints, Ints, Ints, npt.NDArray[np.float32], npt.NDArray[np.uint8]]:
    """Return each node's bin column and rank, the column table, the padded thresholds and the members of bitsets."""
    column, rank = np.zeros_like(trees.feature), np.zeros_like(trees.feature)
    rows: list[list[int]] = []
    pools: list[npt.NDArray[np.float32]] = []
    used = 0
    for nodes, thresholds, row in _numeric_columns(trees):
        column[nodes], rank[nodes] = len(rows), np.searchsorted(thresholds, _rounded_down(trees.threshold[nodes]))
        padded = np.full(-(-thresholds.size // 8) * 8, np.inf, dtype=np.float32)
        padded[: thresholds.size] = thresholds
        rows.append([row[0], row[1], used, padded.size, row[2]])
        pools.append(padded)
        used += padded.size
    numbers, members, used = len(rows), [np.empty(0, dtype=np.uint8)], 0
    for number, (sets, feature, table_of_codes) in enumerate(_bitset_columns(trees)):
        for k, nodes in enumerate(sets):
            column[nodes] = numbers + EIGHT * number + k
        rows.append([BITSET, feature, used, table_of_codes.size, 0])
        members.append(table_of_codes)
        used += table_of_codes.size
    table = np.zeros((len(rows), COLUMN_SLOTS), dtype=np.int64)
    if rows:
        place = np.arange(len(rows))
        table[:, :5], table[:, 5] = rows, place + (EIGHT - 1) * np.maximum(place - numbers, 0)
    return column, rank, table, np.concatenate([*pools, np.empty(0, dtype=np.float32)]), np.concatenate(members)


def _numeric_columns(trees: Trees) -> Iterator[tuple[Ints, npt.NDArray[np.float32], tuple[int, int, int]]]:
    """Give (nodes, sorted thresholds, (missing rule, feature, bin of a missing value)) of each bin column.

    Raises:
        DataError: When a node names an unknown kind of missing value.
    """
    numeric = np.flatnonzero((trees.decision & CATEGORICAL) == 0)
    missing = (trees.decision[numeric] >> 2) & 3
    if missing.size and missing.max() > MISSING_NAN:
        raise DataError("decision_type names an unknown kind of missing value", field="model")
    left = np.where(missing == 0, 0, (trees.decision[numeric] >> 1) & 1)
    key = trees.feature[numeric] * 8 + missing * 2 + left
    rounded = _rounded_down(trees.threshold[numeric])
    for value in np.unique(key).tolist():
        members = key == value
        nodes, own = numeric[members], rounded[members]
        distinct = np.unique(own)
        part = np.searchsorted(distinct, own) // _CHUNK
        row = ((value >> 1) & 3, value >> 3, 0 if value & 1 else 255)
        for number in range(-(-distinct.size // _CHUNK)):
            yield nodes[part == number], distinct[number * _CHUNK : (number + 1) * _CHUNK], row


def _bitset_columns(trees: Trees) -> Iterator[tuple[list[Ints], int, npt.NDArray[np.uint8]]]:
    """Give (nodes of each of up to eight distinct bitsets, their feature, a byte of membership for each code)."""
    found: dict[tuple[int, int, bytes], list[int]] = {}
    for node in np.flatnonzero(trees.decision & CATEGORICAL).tolist():
        content = trees.words[trees.first_word[node] : trees.last_word[node]].astype("<u4").tobytes()
        found.setdefault((int(trees.feature[node]), len(content), content), []).append(node)
    for feature, bitsets in groupby(sorted(found), key=itemgetter(0)):
        for group in _batched(bitsets, EIGHT):
            members = np.zeros(max(8 * size for _, size, _ in group), dtype=np.uint8)
            for k, (_, size, content) in enumerate(group):
                bits = np.unpackbits(np.frombuffer(content, dtype=np.uint8), bitorder="little")
                members[: 8 * size] |= bits << k
            yield [np.array(found[key]) for key in group], feature, members


def _batched(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    """Give lists of so many, the last may be shorter (``itertools`` has it from Python 3.12)."""
    left = iter(items)
    while part := list(islice(left, size)):
        yield part
