"""The item block: what depends on the item alone, computed once for a catalogue and a release, mapped by every worker.

``<snapshot>/derived/<plan>.block`` holds one record an item and a last one for unknown items, as the features of pairs
read them; ``<plan>-<bins>.items`` beside it what the release's model and the serving log read: the digest of the item's
own columns, and the scorer's record of them. Models with the same definitions share the first, models with the same
thresholds both. A file appears whole, by renaming, and is never written again. One that nobody opened for a day goes
when another is built: whoever has mapped it keeps it, and whoever wants it again builds it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import numpy.typing as npt

from searchrank.features import Evaluator
from searchrank.serving_log import item_digests

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from searchrank.features import Plan
    from searchrank.models import Blend, PairScorer, Release

__all__ = ["Deriver", "ItemBlock", "block_path", "items_path", "open_block"]

CHUNK: Final = 2_048
LARGE: Final = 200_000  # items; a smaller block is built in the time another process takes to start
POLL_SECONDS: Final = 0.05
UNUSED_SECONDS: Final = 86_400.0

Records = npt.NDArray[np.void]
Places = slice | npt.NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class ItemBlock:
    """Items as a release reads them, in two columns of records.

    Attributes:
        records: Shape ``(n,)`` of ``plan.item_block_layout``.
        items: Shape ``(n,)`` of ``Deriver.layout``.
    """

    records: Records
    items: Records

    def __len__(self) -> int:
        return len(self.records)

    @property
    def digests(self) -> npt.NDArray[np.int64]:
        """Shape ``(n,)``: ``item_digests`` of each item's own columns."""
        digests: npt.NDArray[np.int64] = self.items["digest"]
        return digests

    @property
    def prepared(self) -> npt.NDArray[np.uint8]:
        """Shape ``(n, bytes)``: what the scorer made of each item's own columns."""
        prepared: npt.NDArray[np.uint8] = self.items["prepared"]
        return prepared

    def part(self, places: slice) -> ItemBlock:
        """Return some of them, not copied."""
        return ItemBlock(self.records[places], self.items[places])

    def take(self, places: npt.NDArray[np.int64]) -> ItemBlock:
        """Return a copy of some of them."""
        return ItemBlock(self.records[places], self.items[places])

    def put(self, places: Places, others: ItemBlock) -> None:
        """Write others over the ones at these places."""
        self.records[places] = others.records
        self.items[places] = others.items

    def empty(self, count: int) -> ItemBlock:
        """Return space for so many of the same form."""
        return ItemBlock(np.empty(count, self.records.dtype), np.empty(count, self.items.dtype))


class Deriver:
    """Makes items of raw records for one release; belongs to one thread, since its evaluator does."""

    def __init__(self, evaluator: Evaluator, scorer: PairScorer, proved: int | None = None) -> None:
        """Bind what prepares items.

        Args:
            evaluator: Used by nobody else.
            scorer: Prepares what it reads of an item.
            proved: How many of the item's own columns, the first so many, the digests are of; None: all.
        """
        self._proved = proved
        self.plan = evaluator.plan
        self.scorer = scorer
        self.layout = np.dtype([("digest", "<i8"), ("prepared", "u1", (scorer.bytes,))], align=True)
        self._evaluator = evaluator

    @classmethod
    def of(cls, release: Release, blend: Blend | None = None) -> Self:
        """Make one for a release, or a blend of which it is the first, with an evaluator of its own."""
        if blend is not None:
            return cls(Evaluator(blend.plan), blend.pair_scorer, len(release.plan.item_only))
        return cls(Evaluator(release.plan), release.pair_scorer)

    def records(self, raw: Records) -> Records:
        """Derive what pairs read, shape ``(n,)`` of ``plan.item_block_layout``, of raw records."""
        return self._evaluator.derive(raw)

    def items(self, records: Records) -> Records:
        """Prepare what model and log read, shape ``(n,)`` of ``layout``, of derived records."""
        columns = self.plan.item_columns(records)
        items = np.empty(len(records), self.layout)
        items["digest"] = item_digests(columns[: self._proved])
        items["prepared"] = self.scorer.prepare(columns)
        return items

    def derive(self, raw: Records) -> ItemBlock:
        """Make items of raw records, shape ``(n,)`` of ``item_layout``."""
        records = self.records(raw)
        return ItemBlock(records, self.items(records))


def block_path(snapshot: Path, plan: Plan) -> Path:
    """Return where a plan's records lie in a snapshot's folder."""
    return snapshot / "derived" / f"{plan.fingerprint[:16]}.block"


def items_path(snapshot: Path, deriver: Deriver) -> Path:
    """Return where the records of a plan's model lie in a snapshot's folder."""
    name = f"{deriver.plan.fingerprint[:16]}-{deriver.scorer.fingerprint[:16]}.items"
    return snapshot / "derived" / name


def open_block(snapshot: Path, deriver: Deriver, raw: Records, *, patience: float = 0.0) -> ItemBlock:
    """Map the item block of a release, which is built first if nobody has; others wait for the one that does.

    Args:
        snapshot: Folder of the snapshot.
        deriver: Computes the block if it must be built.
        raw: The catalogue's raw records, the last one all missing.
        patience: Seconds to leave the building of a large block to another process.

    Returns:
        As many items, read-only.
    """
    end = time.monotonic() + (patience if len(raw) > LARGE else 0.0)
    layout = deriver.plan.item_block_layout
    records = _mapped(block_path(snapshot, deriver.plan), layout, raw, deriver.records, end)
    return ItemBlock(records, _mapped(items_path(snapshot, deriver), deriver.layout, records, deriver.items, end))


def _mapped(path: Path, layout: Any, source: Records, make: Callable[[Records], Records], end: float) -> Records:
    """Map one file of records, made of others of the same number if it is not there by ``end``."""
    size = len(source) * layout.itemsize
    while not _is_whole(path, size) and time.monotonic() < end:
        time.sleep(POLL_SECONDS)
    if not _is_whole(path, size):
        path.parent.mkdir(parents=True, exist_ok=True)
        with (path.parent / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not _is_whole(path, size):
                _build(path, source, make)
                _remove_unused(path.parent)
    with contextlib.suppress(OSError):  # a folder that may only be read
        os.utime(path)
    return np.memmap(path, dtype=layout, mode="r", shape=(len(source),)).view(np.ndarray)


def _is_whole(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except FileNotFoundError:
        return False


def _build(path: Path, source: Records, make: Callable[[Records], Records]) -> None:
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    with fresh.open("wb") as file:
        for start in range(0, len(source), CHUNK):
            make(source[start : start + CHUNK]).tofile(file)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def _remove_unused(folder: Path) -> None:
    """Remove the files that nobody has opened for long."""
    for path in (*folder.glob("*.block"), *folder.glob("*.items")):
        if time.time() - path.stat().st_mtime > UNUSED_SECONDS:
            path.unlink(missing_ok=True)
