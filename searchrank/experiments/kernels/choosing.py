"""Which experiment and which place in it a unit has, in every layer at once."""

from __future__ import annotations

from typing import Final

import numpy as np

from searchrank.experiments.kernels.hashing import xxh3
from searchrank.native.kernel import inlined, kernel
from searchrank.native.memory import bytes_at, ints_at

__all__ = ["BUCKETS", "choose", "digest"]

BUCKETS: Final = 10_000


@inlined
def _after(prefix: int, length: int, unit: int, size: int, text: int) -> None:
    """Write a prefix and behind it the unit."""
    source, name, out = bytes_at(prefix, length), bytes_at(unit, size), bytes_at(text, length + size)
    for k in range(length):
        out[k] = source[k]
    for k in range(size):
        out[length + k] = name[k]


@kernel
def choose(size: int, operands: int) -> None:
    """Write how many layers have an experiment for a unit, then the unit's place in each of these, numbered throughout.

    ``operands``: the number of layers, and the addresses of layers, unit (of ``size`` bytes), room for prefix and unit,
    secret, and answer, int64 (1 + n). Layers are (n, 4): address and length of what is hashed before the unit; address
    of one byte a bucket, 0 or 1 + the experiment's number; address of the experiments, (…, 4): what is hashed before
    the unit, places, and the number of the first. A call of few arguments takes half the time.
    """
    given = ints_at(operands, 6)
    n, unit, work, secret = given[0], given[2], given[3], given[4]
    rows, found = ints_at(given[1], 4 * n), ints_at(given[5], 1 + n)
    count = 0
    for layer in range(n):
        _after(rows[4 * layer], rows[4 * layer + 1], unit, size, work)
        bucket = np.int64(xxh3(work, rows[4 * layer + 1] + size, secret) % np.uint64(BUCKETS))
        number = np.int64(bytes_at(rows[4 * layer + 2], BUCKETS)[bucket])
        if number > 0:
            own = ints_at(rows[4 * layer + 3] + 32 * (number - 1), 4)
            _after(own[0], own[1], unit, size, work)
            place = np.int64(xxh3(work, own[1] + size, secret) % np.uint64(own[2]))
            count += 1
            found[count] = own[3] + place
    found[0] = count


@kernel
def digest(text: int, size: int, secret: int, out: int) -> None:
    """Write the hash of a text, for comparing it with the library's."""
    ints_at(out, 1)[0] = np.int64(xxh3(text, size, secret))
