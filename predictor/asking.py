"""What the verbs that ask have in common: their options, and the query that these make."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from searchrank.errors import RequestError

if TYPE_CHECKING:
    from predictor.query import Query, Sort

__all__ = ["Context", "Filter", "Ids", "Moment", "SurfaceName", "Text", "Timeout", "User", "make_query", "read_sort"]

SurfaceName = Annotated[str, typer.Option("--surface", help="Surface to ask; needed when the project has several.")]
User = Annotated[str, typer.Option("--user", help="Who asks.")]
Text = Annotated[str, typer.Option("--query", help="Text typed.")]
Context = Annotated[
    list[str] | None, typer.Option("--context", help="NAME=JSON of a request input, such as user.age=30.")
]
Moment = Annotated[
    datetime | None,
    typer.Option("--time", formats=["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d"], help="UTC moment to answer for; default: now."),
]
Timeout = Annotated[float, typer.Option("--timeout", help="Seconds to wait for the answer.")]
Ids = Annotated[list[str], typer.Argument(help="Ids of the items.")]
Filter = Annotated[
    str, typer.Option("--filter", help="What an item must be, such as 'item.price < 50'; what is unknown is removed.")
]


def make_query(
    *, surface: str, user: str, text: str, context: list[str] | None, time: datetime | None, **others: Any
) -> Query:
    """Return the query that options ask for.

    Args:
        surface: Name of the surface.
        user: Who asks.
        text: Text typed.
        context: ``NAME=JSON`` of request inputs.
        time: Moment without a zone, in UTC; None: now.
        others: Further attributes of the query.

    Raises:
        RequestError: When a context value has no name.
    """
    from predictor.query import Query  # noqa: PLC0415 - a verb imports what it runs

    values = dict(_assignment(part) for part in context or ())
    moment = None if time is None else time.replace(tzinfo=UTC)
    return Query(surface=surface, user_id=user, text=text, time=moment, context=values, **others)


def read_sort(keys: Sequence[str]) -> tuple[Sort, ...]:
    """Return what ``EXPRESSION`` and ``EXPRESSION desc`` sort by."""
    from predictor.query import Sort  # noqa: PLC0415 - a verb imports what it runs

    return tuple(Sort(key.removesuffix(" desc"), key.endswith(" desc")) for key in keys)


def _assignment(part: str) -> tuple[str, Any]:
    """Return name and value of ``NAME=JSON``; a pair of numbers is a point, a bare word a text.

    Raises:
        RequestError: When there is no ``=``.
    """
    name, separator, words = part.partition("=")
    if not separator:
        raise RequestError(f"{part!r} is not NAME=JSON", field="--context")
    try:
        value = json.loads(words)
    except ValueError:
        value = words
    is_point = isinstance(value, list) and len(value) == 2 and not any(isinstance(v, str) for v in value)
    return name, tuple(value) if is_point else value
