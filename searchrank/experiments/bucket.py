"""Where a unit falls: two independent hashes, one into a layer's 10,000 buckets, one among an experiment's arms.

Both are xxh3-64 of UTF-8 text: ``salt.unit`` and ``salt.experiment.unit``. They are part of the format: changing them
moves everybody.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

from xxhash import xxh3_64_intdigest

from searchrank.experiments.kernels.choosing import BUCKETS

__all__ = ["BUCKETS", "Range", "bucket", "common", "gaps", "parse_range", "place", "shown", "unit_bytes"]

_RANGE = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")

Range = tuple[int, int]
"""First and last bucket, both taken."""


def unit_bytes(unit: str) -> bytes:
    """Return a unit id as it is hashed: UTF-8 of its NFC form."""
    return unit.encode() if unit.isascii() else unicodedata.normalize("NFC", unit).encode("utf-8", "surrogatepass")


def bucket(salt: str, unit: str) -> int:
    """Return the bucket of a unit in a layer, 0 to 9,999.

    Example:
        >>> bucket("page", "u1")
        9805
    """
    return xxh3_64_intdigest(salt.encode() + b"." + unit_bytes(unit)) % BUCKETS


def place(salt: str, experiment: str, unit: str, total: int) -> int:
    """Return the place of a unit among an experiment's arms, 0 to ``total - 1``; arms take as many as they weigh."""
    return xxh3_64_intdigest(f"{salt}.{experiment}.".encode() + unit_bytes(unit)) % total


def parse_range(text: str) -> Range | None:
    """Return the buckets that ``0-499`` or ``7`` names, or None when it names none."""
    found = _RANGE.fullmatch(text.strip())
    if found is None:
        return None
    first, last = int(found[1]), int(found[2] or found[1])
    return (first, last) if first <= last < BUCKETS else None


def shown(ranges: Iterable[Range]) -> str:
    """Return ranges as they are written."""
    return ", ".join(f"{first}-{last}" if first < last else str(first) for first, last in ranges)


def gaps(ranges: Sequence[Range]) -> tuple[Range, ...]:
    """Return the buckets that none of the ranges takes."""
    free, start = [], 0
    for first, last in sorted(ranges):
        if first > start:
            free.append((start, first - 1))
        start = max(start, last + 1)
    return (*free, (start, BUCKETS - 1)) if start < BUCKETS else tuple(free)


def common(some: Sequence[Range], others: Sequence[Range]) -> tuple[Range, ...]:
    """Return the buckets that stand in both."""
    pairs = [(max(a, c), min(b, d)) for a, b in some for c, d in others]
    return tuple(sorted(pair for pair in pairs if pair[0] <= pair[1]))
