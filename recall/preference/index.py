"""Which items carry a tag, the best first, and which tags an item carries.

A tag is a number: those of the first input of the item come first, each input's by ascending hash, so that the same
word in two inputs is two tags.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from recall.preference.tags import Tags
from searchrank.errors import DataError
from searchrank.features.text import MISSING_HASH

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["NO_TAG", "TagIndex", "quality"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
NO_TAG: Final = -1


def quality(events: npt.NDArray[np.integer]) -> Floats:
    """Return what an item's tags are multiplied by for its number of events: 1 without any, 2 with two, 3 with six."""
    return np.log2(events.astype(np.float64) + 2).astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class TagIndex:
    """Tags of the items of one catalogue.

    Attributes:
        hashes: Shape ``(t,)``, what each tag is the hash of.
        starts: Shape ``(f + 1,)``, the first tag of each input of the item, and their number.
        widths: Shape ``(f,)``, how many tags of each input of the item one item has at most.
        carried: Shape ``(rows, width)`` int32, the tags of each item; ``NO_TAG`` where there are no more.
        weights: Shape ``(rows, width)``, how much the item is of each.
        quality: Shape ``(rows,)``, see ``quality``.
        first: Shape ``(t + 1,)``, where the items of each tag begin in ``rows``.
        rows: Shape ``(p,)`` int32, for each tag its items by descending impact, then row.
        impacts: Shape ``(p,)``, weight times quality of each.
    """

    hashes: Ints
    starts: Ints
    widths: Ints
    carried: npt.NDArray[np.int32]
    weights: Floats
    quality: Floats
    first: Ints
    rows: npt.NDArray[np.int32]
    impacts: Floats

    def __len__(self) -> int:
        return len(self.carried)

    @classmethod
    def of(cls, cells: Sequence[npt.NDArray[Any]], quality: Floats) -> TagIndex:
        """Index items.

        Args:
            cells: For each input of the item, shape ``(rows,)``, its cells.
            quality: Shape ``(rows,)``, positive.
        """
        hashes, starts, carried, weights = [np.empty(0, np.int64)], [0], [], []
        for column in cells:
            tags = Tags.of(column)
            there = tags.hashes != MISSING_HASH
            known, place = np.unique(tags.hashes[there], return_inverse=True)
            numbers = np.full(tags.hashes.shape, NO_TAG, np.int32)
            numbers[there] = place + starts[-1]
            hashes.append(known)
            starts.append(starts[-1] + len(known))
            carried.append(numbers)
            weights.append(tags.weights)
        joined, heavy = np.concatenate(carried, axis=1), np.concatenate(weights, axis=1)
        first, rows, impacts = _postings(joined, heavy * quality[:, None], starts[-1])
        widths = np.array([len(numbers.T) for numbers in carried])
        return cls(np.concatenate(hashes), np.array(starts), widths, joined, heavy, quality, first, rows, impacts)

    def numbers(self, field: int, hashes: Ints) -> Ints:
        """Return the tags of an input that are known by their hashes; ``NO_TAG`` for one that no item carries."""
        start, end = self.starts[field], self.starts[field + 1]
        known = self.hashes[start:end]
        place = np.minimum(np.searchsorted(known, hashes), len(known) - 1)
        if not len(known):
            return np.full(len(hashes), NO_TAG)
        return np.where(known[place] == hashes, place + start, NO_TAG)

    def save(self, folder: Path) -> None:
        """Write it into a folder, one file an array."""
        for part in fields(self):
            np.save(folder / f"{part.name}.npy", getattr(self, part.name))

    @classmethod
    def load(cls, folder: Path) -> TagIndex:
        """Map what ``save`` wrote.

        Raises:
            DataError: When it is damaged.
        """
        try:
            parts: Mapping[str, Any] = {part.name: _mapped(folder / f"{part.name}.npy") for part in fields(cls)}
        except (OSError, ValueError, EOFError) as error:
            raise DataError(f"{folder} is damaged ({error}); run 'searchrank index' to build it again") from error
        index = cls(**parts)
        if len(index.carried) != len(index.quality) or len(index.first) != len(index.hashes) + 1:
            raise DataError(f"{folder} is damaged (sizes differ); run 'searchrank index' to build it again")
        return index


def _mapped(path: Path) -> npt.NDArray[Any]:
    """Map an array; an empty one cannot be mapped."""
    try:
        mapped: npt.NDArray[Any] = np.load(path, mmap_mode="r").view(np.ndarray)
    except ValueError:
        mapped = np.load(path)
    return mapped


def _postings(carried: npt.NDArray[np.int32], impacts: Floats, tags: int) -> tuple[Ints, npt.NDArray[np.int32], Floats]:
    there = carried != NO_TAG
    rows = np.nonzero(there)[0].astype(np.int32)
    numbers, strong = carried[there], impacts[there]
    order = np.lexsort((rows, -strong, numbers))
    first = np.concatenate([[0], np.cumsum(np.bincount(numbers, minlength=tags))]).astype(np.int64)
    return first, rows[order], strong[order]
