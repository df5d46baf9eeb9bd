"""How the words of a query become a vector: by an encoder, whose results are kept for a while."""

from __future__ import annotations

import threading
from collections import OrderedDict
from concurrent.futures import Future
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
import numpy.typing as npt

from searchrank.errors import ConfigError, DataError
from searchrank.features.history import query_hash

if TYPE_CHECKING:
    from pathlib import Path

    from recall.dense.vectors import VectorTable

__all__ = ["CachedEncoder", "Encoder", "TabledEncoder", "check_makers", "write_queries"]

Floats = npt.NDArray[np.float32]

KEPT: Final = 10_000
"""Vectors of queries that are kept."""


class Encoder(Protocol):
    """Makes vectors of queries; called from several threads, never on an event loop. A query tower is another one."""

    @property
    def fingerprint(self) -> str:
        """What made the vectors of the items must say the same."""
        ...

    def encode(self, text: str) -> Floats | None:
        """Return a vector of shape ``(dimension,)``, or None when this text has none."""
        ...


class TabledEncoder:
    """Looks embeddings up that were made beforehand, by normalised text."""

    def __init__(self, hashes: npt.NDArray[np.int64], vectors: Floats, fingerprint: str) -> None:
        """Hold a table.

        Args:
            hashes: Shape ``(n,)``, ascending ``query_hash`` of each text.
            vectors: Shape ``(n, dimension)``.
            fingerprint: What made them.
        """
        self.fingerprint = fingerprint
        self._hashes = hashes
        self._vectors = vectors

    @classmethod
    def open(cls, folder: Path, fingerprint: str) -> TabledEncoder:
        """Map what ``write_queries`` wrote.

        Raises:
            DataError: When it is damaged.
        """
        try:
            kept = [np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("query_hashes", "query_vectors")]
        except (ValueError, OSError) as error:
            raise DataError(f"{folder} is damaged ({error}); run 'searchrank index' to build it again") from error
        return cls(kept[0], kept[1], fingerprint)

    def encode(self, text: str) -> Floats | None:
        """Return the embedding of a text that is in the table."""
        wanted = query_hash(text)
        at = int(np.searchsorted(self._hashes, wanted))
        if at == len(self._hashes) or self._hashes[at] != wanted:
            return None
        return np.array(self._vectors[at])


def write_queries(folder: Path, table: VectorTable) -> None:
    """Write embeddings of queries; of texts that differ only in what normalising removes, the first counts."""
    hashes, first = np.unique(np.array([query_hash(text) for text in table.ids], np.int64), return_index=True)
    np.save(folder / "query_hashes.npy", hashes)
    np.save(folder / "query_vectors.npy", table.vectors[first])


def check_makers(items: str, queries: str) -> None:
    """Refuse to search vectors of one encoder by those of another.

    Args:
        items: Fingerprint of what made the vectors of items.
        queries: Fingerprint of what makes those of queries.

    Raises:
        ConfigError: When nobody says what made either.
        DataError: When they differ.
    """
    if not items and not queries:
        raise ConfigError(
            "nobody says which encoder made the vectors of items and of queries; store its name as 'encoder' in the "
            "files, or write made_by",
            field="recall.dense.made_by",
        )
    if items != queries:
        raise DataError(
            f"the vectors of items were made by {items or 'nobody knows what'!r}, those of queries by "
            f"{queries or 'nobody knows what'!r}; use one encoder for both, then run 'searchrank index'"
        )


class CachedEncoder:
    """Another encoder, asked once for a text that comes again, also while it is still being encoded."""

    def __init__(self, encoder: Encoder, kept: int = KEPT) -> None:
        """Keep nothing yet.

        Args:
            encoder: Makes the vectors.
            kept: Most vectors kept; those used longest ago go first.
        """
        self.fingerprint = encoder.fingerprint
        self._encoder = encoder
        self._most = kept
        self._vectors: OrderedDict[str, Future[Floats | None]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._vectors)

    def encode(self, text: str) -> Floats | None:
        """Return the vector of a text; whoever asks while another makes it waits for that, and gets its error too."""
        with self._lock:
            made, mine = self._vectors.get(text), None
            if made is not None:
                self._vectors.move_to_end(text)
            else:
                made = mine = self._vectors[text] = Future()
                if len(self._vectors) > self._most:
                    self._vectors.popitem(last=False)
        if mine is not None:
            self._make(text, mine)
        return made.result()

    def _make(self, text: str, made: Future[Floats | None]) -> None:
        try:
            made.set_result(self._encoder.encode(text))
        except BaseException as error:  # noqa: BLE001 - whoever waits gets it
            with self._lock:
                if self._vectors.get(text) is made:
                    del self._vectors[text]
            made.set_exception(error)
