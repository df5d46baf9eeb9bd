"""Which event ids were seen: sorted runs of 64-bit hashes that merge as they grow, eight bytes an event."""

from __future__ import annotations

import unicodedata

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

__all__ = ["SeenIds", "hash_ids"]

Hashes = npt.NDArray[np.int64]


def hash_ids(ids: pa.ChunkedArray | pa.Array) -> Hashes:
    """Return xxh3-64 of the NFC form of every id, the platform's identity of a string.

    Args:
        ids: Arrow string array (chunked or not) without nulls, shape ``(n,)``.

    Returns:
        Shape ``(n,)``; 0 is never given out.
    """
    if pc.all(pc.string_is_ascii(ids)).as_py():
        texts = ids.cast(pa.binary()).to_pylist()
    else:  # pyarrow's own utf8_normalize decomposes when asked for NFC (seen in 25.0)
        texts = [unicodedata.normalize("NFC", text).encode() for text in ids.to_pylist()]
    hashes = np.fromiter(map(xxhash.xxh3_64_intdigest, texts), dtype=np.uint64, count=len(texts)).view(np.int64)
    hashes[hashes == 0] = 1
    return hashes


class SeenIds:
    """A growing set of hashes: sorted runs, each at least twice as long as the next.

    Two different ids with one hash would be taken for duplicates: once in 10^5 logs of 10^7 events.
    """

    def __init__(self) -> None:
        self._runs: list[Hashes] = []

    def __len__(self) -> int:
        return sum(map(len, self._runs))

    def unseen(self, hashes: Hashes) -> npt.NDArray[np.bool_]:
        """Return which hashes are new, shape ``(n,)``; of equals inside ``hashes`` only the first is new."""
        unique, first = np.unique(hashes, return_index=True)
        known = np.zeros(len(unique), dtype=np.bool_)
        for run in self._runs:
            at = np.minimum(np.searchsorted(run, unique), len(run) - 1)
            known |= run[at] == unique
        fresh = np.zeros(len(hashes), dtype=np.bool_)
        fresh[first[~known]] = True
        return fresh

    def add(self, hashes: Hashes) -> None:
        """Remember hashes that ``unseen`` called new."""
        if not len(hashes):
            return
        run = np.sort(hashes)
        while self._runs and len(self._runs[-1]) < 2 * len(run):
            run = np.concatenate((self._runs.pop(), run))
            run.sort(kind="stable")
        self._runs.append(run)
