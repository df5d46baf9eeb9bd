"""What a caller asks, and the request it becomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from predictor.values import Value, columns, item_ids
from searchrank.errors import RequestError
from searchrank.v1 import ranking_pb2, recall_pb2

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["Columns", "Query", "Sort", "explain_request", "rank_request", "recall_request", "search_request"]

Columns = Mapping[str, Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Sort:
    """What candidates are ordered by.

    Attributes:
        expression: A number or a time in the feature language, such as ``item.price``.
        descending: Whether the largest comes first; items for which it is missing come last either way.
    """

    expression: str
    descending: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Who asks what, where and when.

    Attributes:
        surface: Name of a surface in the project.
        user_id: Who asks; empty: nobody known.
        session_id: The caller's session; empty: none.
        text: Text as typed; empty: none.
        request_id: A name for the request; empty: the server makes one.
        time: The moment features are computed for, with a time zone; None: now.
        context: Values of request-scope inputs by name.
        limit: Most items to return; 0: the server's default.
        filter: What an item must be, in the feature language; empty: anything.
        sort: What ``search`` orders by, the most important first; empty: by score.
        page_token: For the next page of an earlier search; all else may stay as it was.
    """

    surface: str
    user_id: str = ""
    session_id: str = ""
    text: str = ""
    request_id: str = ""
    time: datetime | None = None
    context: Mapping[str, Value] = field(default_factory=dict)
    limit: int = 0
    filter: str = ""
    sort: Sequence[Sort] = ()
    page_token: str = ""

    def _fields(self, *, limit: bool = True) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "surface": self.surface,
            "user_id": self.user_id,
            "session_id": self.session_id,
            "query": self.text,
            "filter": self.filter,
            "request_id": self.request_id,
            "context": columns({name: [value] for name, value in self.context.items()}),
        }
        if self.time is not None:
            fields["request_time"] = self.time
        return fields | ({"limit": self.limit} if limit else {})


def rank_request(query: Query, ids: Sequence[str] | Sequence[int], sent: Columns) -> ranking_pb2.RankRequest:
    """Return a request for ``Rank``.

    Raises:
        RequestError: When values are of mixed types, or the query has parts of a search.
    """
    _check_no_search(query)
    return ranking_pb2.RankRequest(**query._fields(), candidates=item_ids(ids), candidate_columns=columns(sent))


def search_request(query: Query) -> ranking_pb2.SearchRequest:
    """Return a request for ``Search``.

    Raises:
        RequestError: When values are of mixed types.
    """
    keys = [ranking_pb2.SortKey(expression=key.expression, descending=key.descending) for key in query.sort]
    return ranking_pb2.SearchRequest(**query._fields(), sort=keys, page_token=query.page_token)


def recall_request(query: Query, branches: Sequence[str] = ()) -> recall_pb2.RecallRequest:
    """Return a request for ``Recall`` of some branches; of all when none is named.

    Raises:
        RequestError: When values are of mixed types, or the query has parts of a search.
    """
    _check_no_search(query)
    return recall_pb2.RecallRequest(**query._fields(), branches=branches)


def explain_request(
    query: Query, ids: Sequence[str] | Sequence[int], sent: Columns, compare: tuple[int, int] | None = None
) -> ranking_pb2.ExplainRequest:
    """Return a request for ``Explain``.

    Raises:
        RequestError: When values are of mixed types, or the query has parts of a search.
    """
    _check_no_search(query)
    fields = query._fields(limit=False)
    if compare is not None:
        fields["compare"] = ranking_pb2.Pair(first=compare[0], second=compare[1])
    return ranking_pb2.ExplainRequest(**fields, ids=item_ids(ids), candidate_columns=columns(sent))


def _check_no_search(query: Query) -> None:
    """Refuse what only a search has.

    Raises:
        RequestError: When the query names an order or a page.
    """
    for name in ("sort", "page_token"):
        if getattr(query, name):
            raise RequestError("is for search alone", field=name)
