"""The request path, as the sentence it is.

Rank: assign experiments, admit, know who asks, locate, hydrate, score, order, answer. Search: assign, admit, know,
recall, hydrate, score, order, answer. Recall: the same up to what was found. Assigning is in
``predictor.trials``, other stages in ``predictor.stages``; what crosses the wire is made in ``predictor.responses``,
what is logged of it in ``predictor.recording``. A further page of a list is read from its token alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from predictor.comparing import admit_pair, compared
from predictor.filtering import admit_filter, judge, verdicts
from predictor.gathering import gather, passing
from predictor.head_cache import cached_score
from predictor.journey import Deadline, Journey
from predictor.paging import Left, leave, turn
from predictor.recording import Result, answered, turned
from predictor.requests import MAX_CANDIDATES, MAX_EXPLAINED, MAX_RESULTS, admit_candidates, admit_question
from predictor.reranking import listed, movements
from predictor.responses import (
    explain_response,
    item_ids,
    page_response,
    rank_response,
    recall_response,
    search_response,
)
from predictor.sorting import admit_sort
from predictor.stages import Scope, hydrate, know, locate, reasons, recall
from predictor.trials import assign
from searchrank.errors import ConfigError, RequestError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from predictor.recording import Record
    from predictor.surface import ServedSurface
    from searchrank.v1 import ranking_pb2, recall_pb2

__all__ = ["explain", "find", "rank", "search"]


async def rank(
    surface: ServedSurface, request: ranking_pb2.RankRequest, remaining: float | None, record: Record | None = None
) -> ranking_pb2.RankResponse:
    """Order the candidates that the caller sent.

    Args:
        surface: What is live for the request's surface.
        request: As sent.
        remaining: Seconds the caller still waits; None when it did not say.
        record: Takes the finished answer for the serving log; None: it is not logged.

    Raises:
        RequestError: When the request is wrong; names the field.
    """
    journey = Journey(Deadline.of_call(remaining, surface.budget))
    surface = assign(surface, request, journey)
    question = admit_question(request, surface.schema)
    condition = admit_filter(surface, request.filter)
    candidates = admit_candidates(
        request.candidates,
        request.candidate_columns,
        surface.schema,
        most=surface.config.max_candidates,
        part="candidates",
    )
    journey.ran("admit")
    asked = await know(surface, question, journey)
    found = locate(asked, candidates)
    pool = passing(asked, found, hydrate(surface, asked, found, journey), condition, journey)
    scored = await cached_score(surface, asked, pool, journey)
    page, _ = listed(surface, asked, pool, scored.scores, journey).split(question.limit)
    response = rank_response(surface, asked, found, pool.spread(scored.scores), pool.kept[page.order], journey)
    response.propensities.extend(page.told)
    if record is not None:
        record(answered("Rank", surface, asked, pool.found, Result(scored, page), journey))
    surface.drift.saw(asked, pool, condition)
    return response


async def search(
    surface: ServedSurface, request: ranking_pb2.SearchRequest, remaining: float | None, record: Record | None = None
) -> ranking_pb2.SearchResponse:
    """Find candidates by every branch, then order them; arguments and errors as for ``rank``.

    Raises:
        RequestError: When the request is wrong; names the field.
    """
    journey = Journey(Deadline.of_call(remaining, surface.budget))
    if request.page_token:
        return _turn(surface, request, journey, record)
    surface = assign(surface, request, journey)
    question = admit_question(request, surface.schema)
    _check_recalls(surface)
    if question.limit > MAX_RESULTS:
        raise RequestError(f"{question.limit:,}, at most {MAX_RESULTS:,} results are given", field="limit")
    limit = question.limit or surface.config.limit
    own, keys = admit_filter(surface, request.filter), admit_sort(surface, request.sort)
    condition = surface.compiler.joined(own)
    journey.ran("admit")
    asked = await know(surface, question, journey)
    pool = await gather(surface, asked, condition, journey, wanted=max(limit, surface.config.candidates))
    scored = await cached_score(surface, asked, pool, journey)
    page, rest = listed(surface, asked, pool, scored.scores, journey, keys).split(limit)
    response = search_response(surface, asked, pool.found, scored.scores, page.order, journey)
    response.propensities.extend(page.told)
    left = Left(item_ids(asked, pool.found, rest.order), scored.scores[rest.order], rest.propensities)
    response.next_page_token = leave(surface, asked, request, response, left)
    if record is not None:
        record(answered("Search", surface, asked, pool.found, Result(scored, page), journey))
    surface.drift.saw(asked, pool, own)
    return response


def _check_recalls(surface: ServedSurface) -> None:
    if not surface.recaller.branches:
        raise RequestError(f"{surface.name!r} has no recall branches; it answers Rank and Explain", field="surface")


async def find(
    surface: ServedSurface, request: recall_pb2.RecallRequest, remaining: float | None
) -> recall_pb2.RecallResponse:
    """Find candidates as ``search`` does and order them by nothing but fusion; arguments and errors as for ``rank``.

    Raises:
        RequestError: When the request is wrong; names the field.
    """
    journey = Journey(Deadline.of_call(remaining, surface.budget))
    surface = assign(surface, request, journey)
    question = admit_question(request, surface.schema)
    _check_recalls(surface)
    if question.limit > MAX_CANDIDATES:
        raise RequestError(f"{question.limit:,}, at most {MAX_CANDIDATES:,} candidates are given", field="limit")
    if request.branches:
        surface = _only(surface, request.branches)
    condition = surface.compiler.joined(admit_filter(surface, request.filter))
    journey.ran("admit")
    asked = await know(surface, question, journey)
    wanted = question.limit or surface.config.candidates
    pool = await gather(surface, asked, condition, journey, wanted=wanted)
    return recall_response(surface, asked, pool.found, journey)


def _only(surface: ServedSurface, branches: Sequence[str]) -> ServedSurface:
    """Return a surface that asks the named branches alone.

    Raises:
        RequestError: When it has no such branch.
    """
    try:
        return replace(surface, recaller=surface.recaller.only(branches))
    except ConfigError as error:
        raise RequestError(str(error), field="branches") from error


def _turn(
    surface: ServedSurface, request: ranking_pb2.SearchRequest, journey: Journey, record: Record | None
) -> ranking_pb2.SearchResponse:
    """Return a further page of a list; nothing is asked, found or scored again."""
    page = turn(surface, request)
    response = page_response(page, journey)
    if record is not None:
        record(turned(surface, page, journey))
    return response


async def explain(
    surface: ServedSurface, request: ranking_pb2.ExplainRequest, remaining: float | None
) -> ranking_pb2.ExplainResponse:
    """Say why items get their scores; arguments and errors as for ``rank``.

    Raises:
        RequestError: When the request is wrong; names the field.
    """
    journey = Journey(Deadline.of_call(remaining, surface.budget))
    surface = assign(surface, request, journey)
    question = admit_question(request, surface.schema)
    candidates = admit_candidates(
        request.ids, request.candidate_columns, surface.schema, most=MAX_EXPLAINED, part="ids"
    )
    condition, both = surface.compiler.joined(admit_filter(surface, request.filter)), admit_pair(request)
    journey.ran("admit")
    asked = await know(surface, question, journey)
    recalled = await recall(surface, asked, journey, Scope(limit=len(surface.snapshot.catalogue) or 1))
    found = locate(asked, candidates)
    pairs = hydrate(surface, asked, found, journey)
    told = await reasons(surface, pairs, journey)
    response = explain_response(surface, asked, found, recalled, told, journey)
    if both is not None:
        response.comparison.CopyFrom(compared(surface, asked, found, pairs, told, both).wire())
    moves = await movements(surface, asked, condition, found, journey)
    if moves is not None:
        response.movements.CopyFrom(moves)
    if condition is not None:
        response.verdicts.extend(verdicts(judge(asked, condition, found, pairs)))
    return response
