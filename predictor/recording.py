"""What is logged of an answer: references to what the stages made, handed over when the answer is finished."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from predictor.priority import step_back
from searchrank.serving_log import Answered, ServingLogWriter

if TYPE_CHECKING:
    from predictor.journey import Journey
    from predictor.metrics import Metrics
    from predictor.paging import Page
    from predictor.reranking import Listed
    from predictor.scoring import Scored
    from predictor.stages import Asked, Found
    from predictor.surface import ServedSurface
    from searchrank.workspace import Workspace

__all__ = ["Record", "Result", "answered", "open_log", "turned"]

Record = Callable[[Answered], None]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of the candidates.

    Attributes:
        scored: Scores and the digest of what they were computed from.
        listed: Those that are returned, best first.
        first: Absolute position of the first one returned.
    """

    scored: Scored
    listed: Listed
    first: int = 0


def answered(  # noqa: PLR0913, PLR0917 - what every stage made
    rpc: str, surface: ServedSurface, asked: Asked, found: Found, result: Result, journey: Journey
) -> Answered:
    """Return what the serving log keeps of an answer; called when the answer is finished."""
    question, release, snapshot, state = asked.question, surface.release, surface.snapshot, asked.view.state
    ids = None
    if found.rows.max(initial=-1) >= len(snapshot.catalogue):  # some are not in the snapshot
        ids = found.candidates.ids or state.ids_of(found.rows)
    return Answered(
        rpc=rpc,
        surface=surface.name,
        request_id=question.request_id,
        user_id=question.user_id,
        session_id=question.session_id,
        query=question.query,
        request_time=question.time_us,
        answered_at=time.time_ns() // 1_000,
        elapsed_us=sum(elapsed for _, elapsed in journey.stages),
        release=(release.name, release.version, surface.digest),
        feature_set=release.feature_set,
        snapshot_id=snapshot.manifest.id,
        offset=state.offset,
        user_offset=asked.user_offset,
        experiments="" if surface.trial is None else surface.trial.version,
        arms=journey.arms,
        coverage=[(part.stage, part.subject, part.reason) for part in journey.degradations],
        context=question.context,
        columns=found.candidates.columns,
        item_ids=None if ids is None else pa.array(ids, pa.string()),
        catalogue_ids=snapshot.catalogue.ids,
        rows=found.rows,
        revisions=state.revisions(found.rows) if state.items else None,
        scores=result.scored.scores,
        order=result.listed.order,
        first=result.first,
        features_digest=result.scored.features_digest,
        trees=result.scored.effort.point.trees,
        effort_candidates=result.scored.done if result.scored.done < len(found.rows) else 0,
        filter=question.filter,
        sort=question.sort,
        blend=surface.blended.blend.text if surface.blended else "",
        models=surface.blended.models if surface.blended else (),
        rerank=result.listed.rerank,
        cached=result.scored.cached,
        propensities=result.listed.spread(len(found.rows)),
    )


def turned(surface: ServedSurface, page: Page, journey: Journey) -> Answered:
    """Return what the serving log keeps of a further page: an answer of the same search with this page's items."""
    whole, n = page.whole, page.size
    return Answered(
        rpc="Search",
        surface=surface.name,
        request_id=whole.request_id,
        user_id=whole.user_id,
        session_id=whole.session_id,
        query=whole.query,
        request_time=whole.time_us,
        answered_at=time.time_ns() // 1_000,
        elapsed_us=sum(elapsed for _, elapsed in journey.stages),
        release=whole.release,
        feature_set=surface.release.feature_set,
        snapshot_id=whole.snapshot_id,
        offset=whole.offset,
        experiments=whole.experiments,
        arms=whole.arms,
        context={},
        columns={},
        item_ids=pa.array(whole.ids[:n], pa.string()),
        catalogue_ids=surface.snapshot.catalogue.ids,
        rows=np.zeros(n, np.int64),
        scores=whole.scores[:n],
        order=np.arange(n),
        first=whole.position,
        features_digest=None,
        propensities=None if whole.propensities is None else whole.propensities[:n],
    )


def open_log(workspace: Workspace, metrics: Metrics, share: float) -> ServingLogWriter | None:
    """Return the writer of a worker's serving log, its counts among the metrics; None when nothing is logged."""
    if share <= 0:
        return None

    def count(result: str, answers: int) -> None:
        metrics.serving_log.labels(result).inc(answers)

    log = ServingLogWriter(workspace.serving, share=share, count=count, begin=step_back)
    metrics.serving_log_queued.set_function(lambda: log.queued_bytes)
    return log
