"""The stages of a request: each takes what the ones before it made, and notes what it left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from predictor.journey import Removed
from predictor.requests import Candidates
from predictor.scoring import Pairs, Scored
from recall import Query, Recalled, Retrieval, listed
from searchrank.errors import DeadlineError
from searchrank.features import Rows, hash_text, hash_texts
from searchrank.features.history import query_hash

if TYPE_CHECKING:
    from predictor.journey import Journey
    from predictor.live import View
    from predictor.requests import Question
    from predictor.scoring import Scoring
    from predictor.surface import ServedSurface

__all__ = [
    "Asked",
    "Found",
    "Reasons",
    "Scope",
    "hydrate",
    "know",
    "locate",
    "name_shortfall",
    "ordered",
    "reasons",
    "recall",
    "score",
]

_KNOW_SHARE = 0.25  # of the time left
_RECALL_SHARE = 0.5  # of the time left: recall may not starve the stages after it
_EXPLAIN_SECONDS = 0.02
_NO_ITEMS: npt.NDArray[np.int64] = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with what is known about who asks.

    Attributes:
        question: As admitted.
        view: What is known at this moment; every stage reads the same.
        record: Shape ``(1,)`` of ``request_layout``.
        user_offset: Events of the user before this offset are known.
    """

    question: Question
    view: View
    record: npt.NDArray[np.void]
    user_offset: int


@dataclass(frozen=True, slots=True)
class Found:
    """Candidates with their places in the catalogue.

    Attributes:
        candidates: As sent, or as recalled.
        rows: Shape ``(n,)``, row in the catalogue; its length for an unknown item, more for one put since.
        hashes: Shape ``(n,)``, identity of each id.
        recalled: What found them; None when the caller sent them.
        exhausted: Whether recall has no more.
    """

    candidates: Candidates
    rows: npt.NDArray[np.int64]
    hashes: npt.NDArray[np.int64]
    recalled: Recalled | None = None
    exhausted: bool = True

    def take(self, places: npt.NDArray[np.int64]) -> Found:
        """Return the candidates at these places."""
        recalled = self.recalled.take(places) if self.recalled is not None else None
        return Found(self.candidates.take(places), self.rows[places], self.hashes[places], recalled, self.exhausted)

    def unknown(self, items: int) -> npt.NDArray[np.int64]:
        """Return the positions of candidates that a catalogue of so many items does not hold."""
        return np.flatnonzero(self.rows == items)


async def know(surface: ServedSurface, question: Question, journey: Journey) -> Asked:
    """Gather what is known about the request: the user's profile and statistics, over them what the caller sent."""
    encoder = surface.release.feature_set.request_encoder
    record = encoder.missing(1)
    view = surface.live.view
    patience = _KNOW_SHARE * journey.deadline.remaining
    user = await surface.store.fetch(view.state, hash_text(question.user_id) if question.user_id else 0, patience)
    user.fill(record, query_hash(question.query), question.time_us)
    if user.problem:
        journey.left_out("know", "user", user.problem)
    encoder.write(record, question.context)
    journey.ran("know")
    return Asked(question, view, record, user.offset)


def locate(asked: Asked, candidates: Candidates) -> Found:
    """Find the candidates in the catalogue; an unknown or deleted one keeps its place and has missing item inputs."""
    hashes = hash_texts(candidates.ids)
    return Found(candidates, asked.view.state.rows_of_hashes(hashes), hashes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """How far recall looks.

    Attributes:
        limit: Most candidates.
        allowed: Shape ``(items,)``, the rows that may be found; None: all.
        times: How many times its quota each branch is asked for.
    """

    limit: int
    allowed: npt.NDArray[np.bool_] | None = None
    times: int = 1


async def recall(surface: ServedSurface, asked: Asked, journey: Journey, scope: Scope) -> Found:
    """Ask every branch of the surface and fuse their lists; a branch that gave nothing is named."""
    retrieval = await _retrieve(surface, asked, journey, scope)
    journey.recalled(retrieval.coverage)
    recalled, items = retrieval.recalled, asked.view.state.items
    columns = {name: values for name, values in _recall_columns(recalled) if name in surface.schema.candidate}
    hashes = items.hashes_of(recalled.rows) if items else items.base.hashes[recalled.rows]
    journey.ran("recall")
    candidates = Candidates(ids=[], columns=columns)
    return Found(candidates, recalled.rows, hashes, recalled, retrieval.exhausted)


async def _retrieve(surface: ServedSurface, asked: Asked, journey: Journey, scope: Scope) -> Retrieval:
    items, question = asked.view.state.items, asked.question
    refused = listed(asked.record[surface.config.exclude][0]) if surface.config.exclude else _NO_ITEMS
    query = Query(
        text=question.query,
        exclude=_excluded(asked.view, refused),
        allowed=scope.allowed,
        time=question.time_us,
        late=asked.view.arrivals() if items else None,
    )
    query = surface.reading.fill(query, asked.record[0], items.base)
    known = np.unique(items.rows_of_hashes(refused))
    excluded = int(np.count_nonzero(known != len(items.base)))
    until = journey.deadline.share(_RECALL_SHARE).expires
    recaller = surface.recaller if scope.times == 1 else surface.recaller.widened(scope.times)
    retrieval = await recaller.ask(query, scope.limit, until)
    journey.removed = Removed(retrieval.duplicates, excluded, retrieval.cut)
    return retrieval


def _excluded(view: View, refused: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the rows that recall may not find: refused items where they were and where they are, and deleted ones."""
    items = view.state.items
    rows = items.base.rows_of_hashes(refused)
    return np.concatenate([rows, items.rows_of_hashes(refused), view.gone]) if items else rows


def _recall_columns(recalled: Recalled) -> list[tuple[str, npt.NDArray[np.float64]]]:
    """Return what recall knows as inputs: ``recall.score`` and each branch's ``…_rank`` and ``…_score``."""
    columns = [("recall.score", recalled.fused)]
    for number, branch in enumerate(recalled.branches):
        ranks = recalled.ranks[number].astype(np.float64)
        ranks[ranks == 0] = np.nan
        columns.append((f"recall.{branch}_rank", ranks))
        columns.append((f"recall.{branch}_score", recalled.scores[number].astype(np.float64)))
    return columns


def hydrate(surface: ServedSurface, asked: Asked, found: Found, journey: Journey) -> Pairs:
    """Put together what the features read: item rows, the request, and what came or is counted per candidate."""
    n = len(found.rows)
    candidates = surface.release.feature_set.candidate_encoder.encode(found.candidates.columns, n)
    times = np.full(n, asked.question.time_us, np.int64)
    asked.view.state.fill_candidates(candidates, found.hashes, times)
    rows, block = asked.view.gathered(found.rows)
    journey.ran("hydrate")
    return Pairs(Rows(rows, asked.record, np.zeros(n, np.int64), candidates), block)


async def score(surface: ServedSurface, pairs: Pairs, journey: Journey) -> Scored:
    """Compute features and scores, under overload fewer of them; what is not scored is NaN, and that is named."""
    seconds, lane = surface.seconds_per_row * len(pairs), surface.lane

    def work(scoring: Scoring) -> Scored:
        effort = surface.ladder.chosen(lane.overload.pressure, seconds, journey.deadline)
        return scoring.score(pairs, journey.deadline, effort)

    if lane.is_short(seconds):
        scored = work(surface.short)
    else:
        queued = await lane.queue(lambda: work(surface.long), seconds, journey.deadline)
        scored = Scored.nothing(len(pairs)) if queued is None else queued
    journey.ran("score")
    _, elapsed = journey.stages.pop()
    journey.stages.append(("features", scored.features_us))
    journey.stages.append(("score", elapsed - scored.features_us))
    name_shortfall(surface, scored, len(pairs), journey)
    return scored


def name_shortfall(surface: ServedSurface, scored: Scored, rows: int, journey: Journey) -> None:
    """Note which of so many candidates were not scored, and with how much of the model the others were."""
    effort, why = scored.effort, "overload" if surface.lane.overload.pressure else "deadline"
    planned = effort.point.kept(rows)
    if scored.done < planned:
        journey.left_out("score", "candidates", f"deadline: {rows - scored.done} of {rows} were not scored")
    elif planned < rows:
        journey.left_out("score", "candidates", f"{why}: {rows - planned} of {rows} were not scored")
    if effort.point.trees:
        journey.left_out("score", "trees", f"{why}: {effort.point.trees} of {effort.trees} were used")


def ordered(scores: npt.NDArray[np.float64], limit: int) -> npt.NDArray[np.int64]:
    """Return positions by descending score, NaN last, ties in the given order; at most ``limit`` unless it is 0."""
    order = np.argsort(-scores, kind="stable")
    return order[:limit] if limit else order


@dataclass(frozen=True, slots=True)
class Reasons:
    """Why rows get their scores.

    Attributes:
        features: Shape ``(n, f)`` float32, what the model read.
        contributions: Shape ``(n, f)``; a row of it and the base make the score. None: the scorer cannot say.
        base: The score before anything is known.
        scores: Shape ``(n,)``.
    """

    features: npt.NDArray[np.float32]
    contributions: npt.NDArray[np.float64] | None
    base: float
    scores: npt.NDArray[np.float64]


async def reasons(surface: ServedSurface, pairs: Pairs, journey: Journey) -> Reasons:
    """Say what the model read and what each column added.

    Raises:
        DeadlineError: When there is no time for that.
    """
    told = await surface.lane.queue(lambda: _reasons(surface.long, pairs), _EXPLAIN_SECONDS, journey.deadline)
    if told is None:
        raise DeadlineError("no time was left to explain")
    if told.contributions is None:
        journey.left_out("explain", "contributions", "what scores here cannot say what each column added")
    journey.ran("explain")
    return told


def _reasons(scoring: Scoring, pairs: Pairs) -> Reasons:
    columns = scoring.matrix(pairs.rows, pairs.block)
    scores = scoring.scorer.score(columns)
    parts = [scoring.scorer.contributions(columns, row) for row in range(len(pairs))]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return Reasons(columns.T, None, 0.0, scores)
    table = np.array(known, np.float64).reshape(len(pairs), len(columns) + 1)
    base = float(table[0, -1]) if len(pairs) else 0.0
    return Reasons(columns.T, table[:, :-1], base, scores)
