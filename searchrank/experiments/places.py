"""Which places a unit has among the arms, in all layers by one call of a kernel."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import numpy as np
from xxhash import xxh3_64_intdigest

from searchrank.experiments.kernels.choosing import BUCKETS, choose
from searchrank.experiments.kernels.hashing import LONGEST, SECRET
from searchrank.native import address, compiled

if TYPE_CHECKING:
    from searchrank.experiments.layer import Experiment

__all__ = ["Places", "Table"]

_SECRET: Final = np.frombuffer(SECRET, np.uint8)


@dataclass(frozen=True, slots=True)
class Table:
    """One layer, as it is looked up.

    Attributes:
        prefix: What is hashed before a unit for its bucket.
        buckets: For each bucket 0, or 1 + the number of its experiment.
        experiments: What is hashed before a unit for its place in an experiment, how many places there are, and the
            number of the first among the places of all layers.
    """

    prefix: bytes
    buckets: bytes
    experiments: tuple[tuple[bytes, int, int], ...]

    @classmethod
    def of(cls, salt: str, experiments: Sequence[Experiment], first: int) -> Self:
        """Return the table of a layer with these experiments, whose places begin at a number."""
        buckets = bytearray(BUCKETS)
        told = []
        for number, experiment in enumerate(experiments, start=1):
            for bucket in experiment.active():
                buckets[bucket] = number
            told.append((f"{salt}.{experiment.name}.".encode(), experiment.weight, first))
            first += experiment.weight
        return cls(f"{salt}.".encode(), bytes(buckets), tuple(told))


class Places:
    """The tables of some layers; safe to use from several threads."""

    def __init__(self, tables: Iterable[Table]) -> None:
        self._tables = tuple(tables)
        self._kept: list[object] = []
        rows = [self._row(table) for table in self._tables]
        self._layers = np.array(rows, np.int64).reshape(len(rows), 4)
        prefixes = [name for table in self._tables for name in (table.prefix, *(n for n, _, _ in table.experiments))]
        self._most = LONGEST - max(map(len, prefixes), default=0)
        self._work = _Work(self._layers)

    def _row(self, table: Table) -> tuple[int, int, int, int]:
        own = [(self._kept_at(name), len(name), places, first) for name, places, first in table.experiments]
        experiments = np.array(own, np.int64)
        self._kept.append(experiments)
        return self._kept_at(table.prefix), len(table.prefix), self._kept_at(table.buckets), address(experiments)

    def _kept_at(self, content: bytes) -> int:
        """Return where bytes lie that stay there."""
        kept = np.frombuffer(content, np.uint8)
        self._kept.append(kept)
        return address(kept)

    def of(self, unit: bytes) -> list[int]:
        """Return a unit's place in each layer that has an experiment for it, in the order of the layers."""
        size = len(unit)
        if not 0 < size <= self._most:
            return self._by_hand(unit)
        text, call, operands, out = self._work.parts
        text[:size] = unit
        call(size, operands)
        found: list[int] = out[1 : 1 + out[0]].tolist()
        return found

    def _by_hand(self, unit: bytes) -> list[int]:
        """Return the same for a unit of any length."""
        found = []
        for table in self._tables:
            number = table.buckets[xxh3_64_intdigest(table.prefix + unit) % BUCKETS]
            if number:
                prefix, places, first = table.experiments[number - 1]
                found.append(first + xxh3_64_intdigest(prefix + unit) % places)
        return found


class _Work(threading.local):
    """What one thread calls the kernel with.

    Attributes:
        parts: Where the unit goes, the kernel, its operands, and where it answers.
    """

    def __init__(self, layers: np.ndarray[tuple[int, int], np.dtype[np.int64]]) -> None:
        self._unit, self._text = np.zeros(LONGEST, np.uint8), np.zeros(LONGEST, np.uint8)
        out = np.zeros(1 + len(layers), np.int64)
        places = [address(part) for part in (layers, self._unit, self._text, _SECRET, out)]
        self._operands = np.array([len(layers), *places], np.int64)
        self.parts = self._unit.data, compiled(choose), address(self._operands), out.data
