"""What the stages found, on the wire: packed columns, never a message for each candidate."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from predictor.coverage import OUTCOMES
from searchrank.v1 import ranking_pb2, recall_pb2

if TYPE_CHECKING:
    from predictor.journey import Journey
    from predictor.paging import Page
    from predictor.stages import Asked, Found, Reasons
    from predictor.surface import ServedSurface
    from recall import Recalled

__all__ = ["explain_response", "item_ids", "page_response", "rank_response", "recall_response", "search_response"]

_OUTCOMES: Final = {words: number for number, words in OUTCOMES.items()}
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def rank_response(  # noqa: PLR0913, PLR0917 - what every stage made
    surface: ServedSurface, asked: Asked, found: Found, scores: Floats, order: Ints, journey: Journey
) -> ranking_pb2.RankResponse:
    """Return the answer of ``Rank``: candidates in the given order of positions."""
    response = ranking_pb2.RankResponse(**_heading(surface, asked))
    _put_sent_ids(response.ids, found, order)
    response.scores.extend(scores[order].tolist())
    response.order.extend(order.tolist())
    response.unknown.extend(found.unknown(len(surface.snapshot.catalogue)).tolist())
    _put_coverage(response, journey)
    return response


def search_response(  # noqa: PLR0913, PLR0917 - what every stage made
    surface: ServedSurface, asked: Asked, found: Found, scores: Floats, order: Ints, journey: Journey
) -> ranking_pb2.SearchResponse:
    """Return the answer of ``Search``: recalled items in the given order of positions."""
    response = ranking_pb2.SearchResponse(**_heading(surface, asked), candidates=len(found.rows))
    response.ids.strings.values.extend(item_ids(asked, found, order))
    response.scores.extend(scores[order].tolist())
    if found.recalled is not None:
        _put_provenance(response.provenance, found.recalled, order)
    _put_coverage(response, journey)
    return response


def recall_response(surface: ServedSurface, asked: Asked, found: Found, journey: Journey) -> recall_pb2.RecallResponse:
    """Return the answer of ``Recall``: what was found, in the order of fusion."""
    response = recall_pb2.RecallResponse(**_heading(surface, asked))
    response.ids.strings.values.extend(asked.view.state.ids_of(found.rows))
    if found.recalled is not None:
        response.fused.extend(found.recalled.fused.tolist())
        _put_provenance(response.provenance, found.recalled, np.arange(len(found.rows)))
    for name, values in found.candidates.columns.items():
        response.candidate_columns.add(name=name).doubles.values.extend(values.tolist())
    _put_coverage(response, journey)
    return response


def page_response(page: Page, journey: Journey) -> ranking_pb2.SearchResponse:
    """Return the answer of ``Search`` for a further page of its list."""
    whole, (name, version, digest) = page.whole, page.whole.release
    response = ranking_pb2.SearchResponse(
        request_id=whole.request_id,
        release=ranking_pb2.ReleaseIdentity(name=name, version=str(version), digest=digest),
        snapshot_id=whole.snapshot_id,
        state_offset=whole.offset,
        candidates=whole.candidates,
        position=whole.position,
        next_page_token=page.token,
    )
    response.ids.strings.values.extend(whole.ids[: page.size])
    response.scores.extend(whole.scores[: page.size].tolist())
    if whole.propensities is not None:
        response.propensities.extend(whole.propensities[: page.size].tolist())
    journey.arms = whole.arms
    _put_coverage(response, journey)
    return response


def item_ids(asked: Asked, found: Found, places: Ints) -> list[str]:
    """Return the ids of recalled items at these places."""
    return asked.view.state.ids_of(found.rows[places])


def explain_response(  # noqa: PLR0913, PLR0917 - what every stage made
    surface: ServedSurface, asked: Asked, found: Found, recalled: Found, told: Reasons, journey: Journey
) -> ranking_pb2.ExplainResponse:
    """Return the answer of ``Explain``: items in the order they were sent."""
    response = ranking_pb2.ExplainResponse(**_heading(surface, asked), base_score=told.base)
    _put_sent_ids(response.ids, found, np.arange(len(found.rows)))
    response.scores.extend(told.scores.tolist())
    response.columns.extend(surface.plan.columns)
    response.features = np.ascontiguousarray(told.features, "<f4").tobytes()
    if told.contributions is not None:
        response.contributions.extend(told.contributions.ravel().tolist())
    if recalled.recalled is not None:
        _put_provenance(response.provenance, recalled.recalled, _positions(recalled.rows, found.rows))
    response.unknown.extend(found.unknown(len(surface.snapshot.catalogue)).tolist())
    _put_coverage(response, journey)
    return response


def _heading(surface: ServedSurface, asked: Asked) -> dict[str, Any]:
    release = surface.release
    return {
        "request_id": asked.question.request_id,
        "release": ranking_pb2.ReleaseIdentity(name=release.name, version=str(release.version), digest=surface.digest),
        "snapshot_id": surface.snapshot.manifest.id,
        "state_offset": asked.view.state.offset,
    }


def _put_sent_ids(ids: ranking_pb2.Ids, found: Found, order: Ints) -> None:
    """Write candidate ids in the order of positions, of the kind they were sent in."""
    sent = found.candidates
    if sent.integers is not None:
        ids.integers.values.extend(sent.integers[order].tolist())
    else:
        texts = sent.ids
        ids.strings.values.extend([texts[position] for position in order.tolist()])


def _positions(recalled: Ints, wanted: Ints) -> Ints:
    """Return where each wanted row stands in a recalled list of distinct rows; -1 where it does not."""
    if not len(recalled):
        return np.full(len(wanted), -1)
    sorter = np.argsort(recalled)
    places = sorter[np.minimum(np.searchsorted(recalled, wanted, sorter=sorter), len(recalled) - 1)]
    return np.where(recalled[places] == wanted, places, -1)


def _put_provenance(wire: ranking_pb2.Provenance, recalled: Recalled, positions: Ints) -> None:
    """Write which branches found the items at these positions of a recalled list; -1 stands for not found."""
    wire.branches.extend(recalled.branches)
    ranks = np.where(positions >= 0, recalled.ranks[:, positions], 0) if len(recalled) else None
    if ranks is None:
        return
    items, branches = np.nonzero(ranks.T)
    wire.items.extend(items.tolist())
    wire.branch_indexes.extend(branches.tolist())
    wire.ranks.extend(ranks[branches, items].tolist())
    wire.scores.extend(recalled.scores[branches, positions[items]].astype(np.float64).tolist())


def _put_coverage(response: Any, journey: Journey) -> None:
    journey.ran("answer")
    coverage = response.coverage
    for part in journey.degradations:
        coverage.degradations.add(stage=part.stage, subject=part.subject, reason=part.reason)
    for stage, elapsed in journey.stages:
        coverage.stages.add(stage=stage, elapsed_us=max(0, elapsed))
    if journey.filtering is not None:
        coverage.filtering.CopyFrom(ranking_pb2.Filtering(**asdict(journey.filtering)))
    if journey.removed is not None:
        coverage.removed.CopyFrom(ranking_pb2.Removed(**asdict(journey.removed)))
    for told in journey.branches:
        coverage.branches.add(
            branch=told.name,
            outcome=_OUTCOMES[told.outcome],
            elapsed_us=int(told.seconds * 1e6),
            returned=told.found,
            unique=told.unique,
            reason=told.problem,
        )
    for rule, items in journey.rules:
        coverage.rules.add(rule=rule, items=items)
    for one in journey.arms:
        response.arms.add(
            layer=one.layer,
            experiment=one.experiment,
            arm=one.arm,
            propensity=one.propensity,
            overridden=one.overridden,
        )
