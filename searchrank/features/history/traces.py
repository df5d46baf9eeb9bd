"""Traces by object: what a statistic reads of a user, an item or a query lies in one piece, in memory or a mapped file.

The form of a trace is told in ``searchrank.features.kernels.trace``.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from searchrank.errors import DataError
from searchrank.features.hash_table import HashTable
from searchrank.features.history.series import Objects, Series
from searchrank.features.inputs import Root
from searchrank.features.kernels import trace as kernels
from searchrank.native import address, compiled

__all__ = ["Chains", "Traces", "places"]

Ints = npt.NDArray[np.int64]

_WORD: Final = 8


@dataclass(frozen=True, slots=True, eq=False)
class Traces:
    """The traces of the objects of one root in one part of a history.

    Attributes:
        table: Row of each hash.
        offsets: Where each trace begins, in bytes, and the end, (objects + 1,).
        words: The traces, one after the other.
    """

    table: HashTable
    offsets: Ints
    words: Ints
    slots: tuple[int, int, int] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "slots", (address(self.table.slots), address(self.offsets), address(self.words)))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @classmethod
    def pack(cls, objects: Objects, series: Sequence[Series]) -> Traces:
        """Put the events of every series of a root together by object."""
        sizes = np.full(objects.count, 1 + len(series), np.int64)
        slots = np.zeros((max(1, len(series)), kernels.SERIES_SLOTS), np.int64)
        for number, one in enumerate(series):
            sizes += _words(one)
            slots[number] = _slots(one)
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(_WORD * sizes)])
        words = np.empty(max(1, int(offsets[-1]) // _WORD), np.int64)
        compiled(kernels.pack)(objects.count, len(series), address(slots), address(offsets), address(words))
        return cls(objects.table, offsets, words)

    def write(self, folder: Path, root: Root) -> None:
        """Write three files that ``open`` maps."""
        np.save(folder / f"{root}.table.npy", self.table.slots)
        np.save(folder / f"{root}.offsets.npy", self.offsets)
        np.save(folder / f"{root}.traces.npy", self.words)

    @classmethod
    def open(cls, folder: Path, root: Root) -> Traces:
        """Map what ``write`` wrote.

        Raises:
            DataError: When a file is damaged.
        """
        table, offsets, words = (_load(folder / f"{root}.{name}.npy") for name in ("table", "offsets", "traces"))
        if len(offsets) < 1 or int(offsets[-1]) > _WORD * len(words):
            raise DataError(f"{folder / f'{root}.traces.npy'} is shorter than its offsets say; rebuild the snapshot")
        return cls(HashTable(table), offsets, words)

    def items(self) -> Iterator[tuple[int, bytes]]:
        """Yield the hash and the trace of every object, in no particular order."""
        slots = self.table.slots[1:]
        content = self.words.view(np.uint8)
        for key, row in slots[slots[:, 1] >= 0].tolist():
            yield key, content[int(self.offsets[row]) : int(self.offsets[row + 1])].tobytes()


def places(parts: Sequence[Traces]) -> Ints:
    """Return where a kernel finds the traces of parts: how many, then ``PART_SLOTS`` words each."""
    return np.array([len(parts), *(word for one in parts for word in one.slots)], np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Chains:
    """The traces of n objects, from the older parts to the newer.

    Attributes:
        words: First trace of each object, and the end, (n + 1,), then at least as many addresses as the end says.
        longest: Most traces that one object has.
        kept: Whatever the addresses point into.
    """

    words: Ints
    longest: int
    kept: object

    @classmethod
    def find(cls, parts: Ints, hashes: Ints, groups: Ints) -> Chains:
        """Look objects up that go by several hashes.

        Args:
            parts: What ``places`` returned.
            hashes: Hashes by which the objects go, (m,); 0: no object.
            groups: First hash of each object, and the end, (n + 1,).
        """
        hashes, groups = (np.ascontiguousarray(given, np.int64) for given in (hashes, groups))
        out = np.empty(len(groups) + len(hashes) * int(parts[0]), np.int64)
        where = (address(hashes), address(groups), address(parts), address(out))
        compiled(kernels.find_grouped_chains)(len(groups) - 1, *where)
        return cls(out, int(np.diff(out[: len(groups)]).max(initial=0)), parts)

    @classmethod
    def of(cls, rows: Sequence[bytes]) -> Chains:
        """Read chains that were kept elsewhere: for each object its traces, one after the other.

        Raises:
            DataError: When a row is not a chain of whole traces.
        """
        arrays = [np.frombuffer(row, np.int64) if len(row) % _WORD == 0 else None for row in rows]
        starts, traces = [0], list[int]()
        for row, array in zip(rows, arrays, strict=True):
            if array is None:
                raise DataError(f"a row of {len(row)} bytes is not a chain of traces")
            traces.extend(_within(row, address(array)) if len(row) else ())
            starts.append(len(traces))
        longest = max((b - a for a, b in itertools.pairwise(starts)), default=0)
        return cls(np.array([*starts, *traces], np.int64), longest, (rows, arrays))


def _within(row: bytes, start: int) -> Iterator[int]:
    """Yield the addresses of the traces of a chain that begins at ``start``.

    Raises:
        DataError: When they do not fill the row.
    """
    place = 0
    while place < len(row):
        size = struct.unpack_from("<q", row, place)[0]
        if size < _WORD or size % _WORD or place + size > len(row):
            raise DataError(f"a trace of {size} bytes at byte {place} of {len(row)}: the row is damaged")
        yield start + place
        place += size


def _words(series: Series) -> Ints:
    """Return how many words a series takes in the trace of each object, (objects,)."""
    first, last = series.starts[:-1], series.starts[1:]
    pairs = last - first
    events = series.pair_starts[last] - series.pair_starts[first] if series.keyed else pairs
    totals = {kernels.NONE: 0 * events, kernels.ITEMS: events, kernels.RUNNING: events + 1}[series.kept]
    words: Ints = 1 + events + totals + ((2 * pairs + 2) if series.keyed else 0)
    return np.where(pairs > 0, words, 0)


def _slots(series: Series) -> list[int]:
    keys = (address(series.keys), address(series.pair_starts)) if series.keyed else (0, 0)
    return [address(series.starts), address(series.times), address(series.totals), series.kept, *keys]


def _load(path: Path) -> npt.NDArray[Any]:
    try:
        array: npt.NDArray[Any] = np.load(path, mmap_mode="r")
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is damaged: {error}; rebuild the snapshot") from error
    return array.view(np.ndarray)
