"""Which answers of the serving log are meant: those of a request, a sample, or all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from searchrank.errors import DataError, NotFoundError

if TYPE_CHECKING:
    from searchrank.serving_log import Checked, ServingLog

__all__ = ["Chosen", "of_request", "sampled"]

Choose = Callable[[pa.RecordBatch], npt.NDArray[np.bool_]]


@dataclass(slots=True, eq=False)
class Chosen:
    """Reads a log once, and keeps what cannot be read of it.

    Attributes:
        log: The serving log.
        choose: Says which answers of a batch are wanted; None: all.
        damaged: What of the log cannot be read, in words; grows with reading.
        unsealed: Answers of files without checksums.
    """

    log: ServingLog
    choose: Choose | None = None
    damaged: list[str] = field(default_factory=list)
    unsealed: int = 0

    def parts(self) -> Iterator[Checked]:
        """Yield the wanted answers."""
        for part in self.log.checked():
            if part.batch is None:
                self.damaged.append(part.problem)
                continue
            kept = part if self.choose is None else replace(part, batch=_kept(part, self.choose))
            if kept.batch is not None and kept.batch.num_rows:
                self.unsealed += 0 if kept.sealed else kept.batch.num_rows
                yield kept


def _kept(part: Checked, choose: Choose) -> pa.RecordBatch:
    batch: pa.RecordBatch = part.batch
    return batch.filter(pa.array(choose(batch)))


def of_request(log: ServingLog, request_id: str, rpc: str = "", at: str = "") -> Chosen:
    """Return the answers to one request.

    Args:
        log: The serving log.
        request_id: Its name.
        rpc: ``Rank`` or ``Search``; empty: either.
        at: How the time of the answer begins, ISO 8601 in UTC, such as ``2026-03-01T08:15``; empty: any.

    Raises:
        NotFoundError: When there is no such answer.
    """
    found: list[str] = []
    for batch in log.read(["request_id", "rpc", "answered_at"]):
        mine = batch.filter(pc.equal(batch.column("request_id"), request_id))
        found += [f"{one['rpc']} at {one['answered_at'].isoformat()}" for one in mine.to_pylist()]
    if not any(_fits(one, rpc, at) for one in found):
        other = f"; its answers are {', '.join(found)}" if found else f"; {log.folder} holds no answer of that id"
        what = " ".join(part for part in (rpc, at and f"at {at}") if part)
        raise NotFoundError(f"request {request_id!r}{' ' if what else ''}{what} is not in the serving log{other}")

    def choose(batch: pa.RecordBatch) -> npt.NDArray[np.bool_]:
        told = zip(*(batch.column(name).to_pylist() for name in ("request_id", "rpc", "answered_at")), strict=True)
        return np.array(
            [one == request_id and _fits(f"{kind} at {when.isoformat()}", rpc, at) for one, kind, when in told]
        )

    return Chosen(log, choose)


def _fits(found: str, rpc: str, at: str) -> bool:
    kind, _, when = found.partition(" at ")
    return (not rpc or kind == rpc) and when.startswith(at)


def sampled(log: ServingLog, count: int) -> Chosen:
    """Return so many answers, evenly spread over the log; 0: all.

    Raises:
        DataError: When the log holds no answer.
    """
    total = sum(batch.num_rows for batch in log.read(["request_id"]))
    if not total:
        raise DataError(f"the serving log in {log.folder} holds no whole answer yet")
    if not 0 < count < total:
        return Chosen(log)
    wanted = np.zeros(total, np.bool_)
    wanted[np.linspace(0, total - 1, count).astype(np.int64)] = True
    place = 0

    def choose(batch: pa.RecordBatch) -> npt.NDArray[np.bool_]:
        nonlocal place
        place += len(batch)
        return wanted[place - len(batch) : place]

    return Chosen(log, choose)
