"""The item block: what depends on the item alone, computed once for a catalogue and a plan, mapped by every worker.

``<snapshot>/derived/<plan fingerprint>.block`` holds one record an item and a last one for unknown items. It appears
whole, by renaming, and is never written again.
"""

from __future__ import annotations

import fcntl
import os
import time
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from pathlib import Path

    from searchrank.features import Evaluator, Plan

__all__ = ["block_path", "open_block"]

CHUNK: Final = 65_536
LARGE: Final = 200_000  # items; a smaller block is built in the time another process takes to start
POLL_SECONDS: Final = 0.05


def block_path(snapshot: Path, plan: Plan) -> Path:
    """Return where the item block of a plan lies in a snapshot's folder."""
    return snapshot / "derived" / f"{plan.fingerprint[:16]}.block"


def open_block(
    snapshot: Path, evaluator: Evaluator, records: npt.NDArray[np.void], *, patience: float = 0.0
) -> npt.NDArray[np.void]:
    """Map the item block of a plan, which is built first if nobody has; others wait for the one that does.

    Args:
        snapshot: Folder of the snapshot.
        evaluator: Bound to the plan; computes the block if it must be built.
        records: The catalogue's raw records, the last one all missing.
        patience: Seconds to leave the building of a large block to another process.

    Returns:
        Shape ``(items + 1,)`` of ``plan.item_block_layout``, read-only.
    """
    path = block_path(snapshot, evaluator.plan)
    layout = evaluator.plan.item_block_layout
    size = len(records) * layout.itemsize
    if len(records) > LARGE and patience:
        _await(path, size, patience)
    if not _is_whole(path, size):
        path.parent.mkdir(parents=True, exist_ok=True)
        with (path.parent / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not _is_whole(path, size):
                _build(path, evaluator, records)
    return np.memmap(path, dtype=layout, mode="r", shape=(len(records),)).view(np.ndarray)


def _is_whole(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except FileNotFoundError:
        return False


def _await(path: Path, size: int, patience: float) -> None:
    end = time.monotonic() + patience
    while not _is_whole(path, size) and time.monotonic() < end:
        time.sleep(POLL_SECONDS)


def _build(path: Path, evaluator: Evaluator, records: npt.NDArray[Any]) -> None:
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    with fresh.open("wb") as file:
        for start in range(0, len(records), CHUNK):
            evaluator.derive(records[start : start + CHUNK]).tofile(file)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
