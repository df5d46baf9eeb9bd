"""Pages of one list: what the first page leaves over goes into a token, and a token gives the next page.

The list is made once. A token holds what is left of it, so the next page needs nothing that the worker which made the
list had: neither its release nor its snapshot, which may be gone by then.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from predictor.page_token import Remainder
from predictor.requests import MAX_RESULTS
from searchrank.errors import RequestError
from searchrank.experiments import Assigned

if TYPE_CHECKING:
    import numpy.typing as npt

    from predictor.stages import Asked
    from predictor.surface import ServedSurface
    from searchrank.state import State
    from searchrank.v1 import ranking_pb2

__all__ = ["KEPT_SECONDS", "Left", "Page", "digest_of", "leave", "turn"]

KEPT_SECONDS: Final = 600
"""How long after a search its list can be paged through."""
_PAGING: Final = ("surface", "request_id", "limit", "page_token")


@dataclass(frozen=True, slots=True)
class Page:
    """A further page.

    Attributes:
        whole: The page as the beginning of what was left before it: ids, scores, where it begins, what made it.
        size: How many of these are on it.
        token: For the page after it; empty on the last.
    """

    whole: Remainder
    size: int
    token: str


class Left(NamedTuple):
    """What a page leaves over.

    Attributes:
        ids: In order.
        scores: One for each.
        propensities: One for each; None: nothing was left to chance.
    """

    ids: list[str]
    scores: npt.NDArray[np.float64]
    propensities: npt.NDArray[np.float64] | None


def digest_of(request: ranking_pb2.SearchRequest) -> str:
    """Return the identity of what a request asks, whatever page of it; empty when it asks nothing."""
    asked = type(request)()
    asked.CopyFrom(request)
    for name in _PAGING:
        asked.ClearField(name)
    words = asked.SerializeToString(deterministic=True)
    return hashlib.blake2b(words, digest_size=8).hexdigest() if words else ""


def leave(
    surface: ServedSurface,
    asked: Asked,
    request: ranking_pb2.SearchRequest,
    first: ranking_pb2.SearchResponse,
    rest: Left,
) -> str:
    """Return the token for what a search's first page leaves over; empty when that is nothing.

    Args:
        surface: What answered.
        asked: What was asked.
        request: The same as sent.
        first: The first page.
        rest: What comes after it; only so many are kept that a list has 1,000 items.
    """
    ids, scores, chances = rest
    left = MAX_RESULTS - len(first.ids.strings.values)
    if not ids or left <= 0:
        return ""
    question, release = asked.question, surface.release
    arms = tuple(Assigned(a.layer, a.experiment, a.arm, a.propensity, a.overridden) for a in first.arms)
    remainder = Remainder(
        surface=surface.name,
        question=digest_of(request),
        request_id=question.request_id,
        user_id=question.user_id,
        session_id=question.session_id,
        query=question.query,
        time_us=question.time_us,
        release=(release.name, release.version, surface.digest),
        snapshot_id=first.snapshot_id,
        offset=first.state_offset,
        experiments="" if surface.trial is None else surface.trial.version,
        arms=arms,
        candidates=first.candidates,
        limit=len(first.ids.strings.values),
        expires=int(time.time()) + KEPT_SECONDS,
        position=len(first.ids.strings.values),
        ids=ids[:left],
        scores=scores[:left],
        propensities=None if chances is None else chances[:left],
    )
    return surface.page_tokens.write(remainder)


def turn(surface: ServedSurface, request: ranking_pb2.SearchRequest) -> Page:
    """Return the page that a request's token asks for; items deleted since are left out.

    Raises:
        RequestError: When the token is no token, is out of date, or belongs to another search.
    """
    left = surface.page_tokens.read(request.page_token)
    _check(surface, request, left)
    left = _present(left, surface.live.view.state)
    size = min(request.limit or left.limit, len(left.ids))
    rest = replace(left.take(slice(size, None)), position=left.position + size)
    return Page(left, size, surface.page_tokens.write(rest) if rest.ids else "")


def _present(left: Remainder, state: State) -> Remainder:
    """Return a list without the items that were deleted; all of it where less of the log is known than to the list."""
    known = state.items.rows(left.ids) != len(state.items.base)
    if known.all() or state.offset < left.offset:
        return left
    return left.take(np.flatnonzero(known))


def _check(surface: ServedSurface, request: ranking_pb2.SearchRequest, left: Remainder) -> None:
    late = time.time() - left.expires
    field = "page_token"
    if late >= 0:
        minutes = KEPT_SECONDS // 60
        raise RequestError(
            f"expired {late:,.0f} seconds ago; a list is kept for {minutes} minutes, search again", field=field
        )
    if left.surface != surface.name:
        raise RequestError(f"is of surface {left.surface!r}, not {surface.name!r}; search again", field=field)
    if request.request_id not in {"", left.request_id}:
        raise RequestError(f"a page belongs to its search, {left.request_id!r}; leave it out", field="request_id")
    if digest_of(request) not in {"", left.question}:
        raise RequestError("is of a search for something else; leave out all but surface and token", field=field)
    if request.limit > MAX_RESULTS:
        raise RequestError(f"{request.limit:,}, at most {MAX_RESULTS:,} results are given", field="limit")
