"""A surface for a thread of its own, beside the one that answers: it shares what is only read, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from typing_extensions import override

from predictor import pipeline
from predictor.compiled import Compiler
from predictor.drift import Drift
from predictor.lane import Lane
from predictor.scoring import Scoring
from searchrank.features import Evaluator
from searchrank.v1 import ranking_pb2, recall_pb2

if TYPE_CHECKING:
    from predictor.journey import Deadline
    from predictor.requests import AnyRequest
    from predictor.surface import ServedSurface
    from searchrank.state import UserStore

    Answer = (
        ranking_pb2.RankResponse | ranking_pb2.SearchResponse | ranking_pb2.ExplainResponse | recall_pb2.RecallResponse
    )

__all__ = ["answer", "apart", "before_it_serves"]

T = TypeVar("T")


class _Here(Lane):
    """Runs everything on the thread that asks."""

    @override
    async def queue(self, work: Callable[[], T], seconds: float, deadline: Deadline) -> T | None:
        return work()


def before_it_serves(surface: ServedSurface, store: UserStore) -> ServedSurface:
    """Return a surface that nobody else uses yet as one that neither scores nor recalls on the threads of others."""
    quiet = Drift(surface.name, surface.release, is_on=False)
    return replace(surface, store=store, lane=_Here(), recaller=surface.recaller.apart(), drift=quiet, cache=None)


def apart(surface: ServedSurface, store: UserStore) -> ServedSurface:
    """Return a surface that answers as the one given while that answers others."""
    scoring = Scoring(surface.release, Evaluator(surface.release.plan))
    alone = before_it_serves(surface, store)
    return replace(
        alone, short=scoring, long=scoring, compiler=Compiler(surface.release.feature_set, surface.config.filter)
    )


async def answer(surface: ServedSurface, request: AnyRequest) -> Answer:
    """Answer a request by its kind, in the surface's own time; nothing is logged of it."""
    if isinstance(request, ranking_pb2.RankRequest):
        return await pipeline.rank(surface, request, None)
    if isinstance(request, ranking_pb2.SearchRequest):
        return await pipeline.search(surface, request, None)
    if isinstance(request, recall_pb2.RecallRequest):
        return await pipeline.find(surface, request, None)
    return await pipeline.explain(surface, request, None)
