"""An answer made again against the log: what is the same to the bit, what is not, and what cannot be said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from predictor.replay.again import Again
    from predictor.replay.logged import Logged

__all__ = ["Difference", "Verdict", "compare", "compare_page", "not_made"]

_NOT_LOGGED: Final = "the log has no digest, since not all candidates were scored"


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that came out otherwise.

    Attributes:
        part: What: ``log``, ``events``, ``release``, ``snapshot``, ``items``, ``features``, ``scores``, ``order``,
            ``filter`` or ``recall``.
        detail: How, in words.
    """

    part: str
    detail: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one answer.

    Attributes:
        request_id: Its request.
        rpc: ``Rank`` or ``Search``.
        answered_at: The clock when it was made, ISO 8601.
        release: Name and version of what scored it.
        snapshot_id: What it was read from.
        compared: Parts that were compared.
        uncompared: Parts that could not be, and why.
        differences: What came out otherwise; empty: equal.
        read_from: The snapshot that was read in place of one that is gone; empty: its own.
    """

    request_id: str
    rpc: str
    answered_at: str
    release: str
    snapshot_id: str
    compared: tuple[str, ...]
    uncompared: tuple[tuple[str, str], ...]
    differences: tuple[Difference, ...]
    read_from: str = ""

    @property
    def is_equal(self) -> bool:
        """Whether everything that was compared is the same."""
        return not self.differences

    def figures(self) -> dict[str, Any]:
        """Return what to report."""
        return {
            "request_id": self.request_id,
            "rpc": self.rpc,
            "answered_at": self.answered_at,
            "release": self.release,
            "snapshot_id": self.snapshot_id,
            "read_from": self.read_from or self.snapshot_id,
            "equal": self.is_equal,
            "compared": list(self.compared),
            "uncompared": [{"part": part, "reason": why} for part, why in self.uncompared],
            "differences": [{"part": one.part, "detail": one.detail} for one in self.differences],
        }


def compare(logged: Logged, again: Again, read_from: str, recall: Difference | str | None) -> Verdict:
    """Compare an answer that was made again with the log.

    Args:
        logged: The answer.
        again: The same, made again.
        read_from: Id of the snapshot that was read.
        recall: What recall found otherwise; a text: why it was not asked again; None: the same.
    """
    digest = logged.value("features_digest")
    differences = [*_items(logged, again), *_features(digest, again), *_scores(logged, again), *_order(logged, again)]
    compared, uncompared = ["items", "scores", "order"], []
    if digest is None:
        uncompared.append(("features", _NOT_LOGGED))
    else:
        compared.append("features")
    if isinstance(recall, str):
        uncompared.append(("recall", recall))
    else:
        compared.append("recall")
        differences += [recall] if recall else []
    if read_from != logged.snapshot_id and differences:
        detail = f"it is gone; from {read_from} and the log, what is counted by values of items may come out otherwise"
        differences.insert(0, Difference("snapshot", detail))
    if logged.scored < len(logged.ids):
        missing = len(logged.ids) - logged.scored
        uncompared.append(("scores", f"{missing} of {len(logged.ids)} candidates have none in the log"))
    return _verdict(logged, compared, uncompared, differences, read_from)


def compare_page(logged: Logged, first: Logged, again: Again, read_from: str) -> Verdict:
    """Compare a further page with the answer that it goes on from, made again.

    Args:
        logged: The page.
        first: The answer to the search.
        again: The same, made again.
        read_from: Id of the snapshot that was read.
    """
    # What was deleted or shown since is left out of a page: what it holds comes in the order of the list.
    places = {first.ids[place]: rank for rank, place in enumerate(again.order.tolist())}
    ranks = [places.get(item, -1) for item in logged.ids]
    order = [again.order[rank] for rank in ranks if rank >= 0]
    differences = []
    if unknown := [item for item, rank in zip(logged.ids, ranks, strict=True) if rank < 0]:
        differences.append(Difference("items", f"{unknown[0]!r} is no candidate of the search"))
    elif ranks != sorted(ranks):
        differences.append(Difference("order", "the items of the page come in another order"))
    elif not _same(logged.values("score"), again.scores[order]).all():
        differences.append(Difference("scores", "the scores of the page are others"))
    uncompared = [("features", "they are with the first page"), ("recall", "it is with the first page")]
    return _verdict(logged, ["items", "scores", "order"], uncompared, differences, read_from)


def not_made(logged: Logged, part: str, why: str) -> Verdict:
    """Return the verdict on an answer that cannot be made again."""
    return _verdict(logged, [], [], [Difference(part, why)], logged.snapshot_id)


def _verdict(
    logged: Logged,
    compared: list[str],
    uncompared: list[tuple[str, str]],
    differences: list[Difference],
    read_from: str,
) -> Verdict:
    name, version, _ = logged.release
    return Verdict(
        request_id=logged.request_id,
        rpc=str(logged.value("rpc")),
        answered_at=logged.answered_at.isoformat(),
        release=f"{name} version {version}",
        snapshot_id=logged.snapshot_id,
        compared=tuple(compared),
        uncompared=tuple(uncompared),
        differences=tuple(differences),
        read_from="" if read_from == logged.snapshot_id else read_from,
    )


def _same(left: npt.NDArray[np.float64], right: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Return where bits are the same, NaN equal to NaN."""
    same: npt.NDArray[np.bool_] = left.view(np.int64) == right.view(np.int64)
    return same | (np.isnan(left) & np.isnan(right))


def _items(logged: Logged, again: Again) -> Iterator[Difference]:
    """Yield the first item that another document was read of."""
    then = logged.values("revision")
    state = again.asked.view.state
    now = state.revisions(again.found.rows) if state.items else np.full(len(then), -1)
    if again.asked.view.state.snapshot.manifest.id != logged.snapshot_id:
        return  # counted from another snapshot, an item may have been put before or after it
    for place in np.flatnonzero(then != now)[:1].tolist():
        detail = f"{logged.ids[place]!r} was put at {_put(then[place])} in the log, now at {_put(now[place])}"
        yield Difference("items", detail)


def _put(revision: int) -> str:
    return f"offset {revision}" if revision >= 0 else "the snapshot"


def _features(digest: int | None, again: Again) -> Iterator[Difference]:
    now = again.digest
    if digest is not None and digest != now:
        yield Difference("features", f"their digest is {now} now, {digest} in the log")


def _scores(logged: Logged, again: Again) -> Iterator[Difference]:
    then, now = logged.values("score"), again.scores
    other = np.flatnonzero(~_same(then, now))
    if len(other):
        place = int(other[0])
        yield Difference(
            "scores",
            f"{len(other)} of {len(then)}, the first of {logged.ids[place]!r}: {float(then[place])!r} in the "
            f"log, {float(now[place])!r} now",
        )


def _order(logged: Logged, again: Again) -> Iterator[Difference]:
    then = logged.shown
    now = again.order[: len(then)]
    for place in np.flatnonzero(then != now)[:1].tolist():
        yield Difference(
            "order", f"at place {place} was {logged.ids[then[place]]!r}, now comes {logged.ids[now[place]]!r}"
        )
    if len(again.kept) < len(logged.ids):
        removed = np.setdiff1d(np.arange(len(logged.ids)), again.kept)
        yield Difference("filter", f"it removes {logged.ids[removed[0]]!r}, which was a candidate")
