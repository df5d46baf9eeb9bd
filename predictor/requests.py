"""Admission: what came over the wire becomes a question to trust, or a refusal that names the field."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from predictor.columns import decode
from searchrank.errors import RequestError
from searchrank.features.inputs import CANDIDATE_ROOTS, REQUEST_ROOTS, Input, InputType

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from google.protobuf.timestamp_pb2 import Timestamp

    from searchrank.v1 import ranking_pb2, recall_pb2

    AnyRequest = (
        ranking_pb2.RankRequest | ranking_pb2.SearchRequest | ranking_pb2.ExplainRequest | recall_pb2.RecallRequest
    )

__all__ = [
    "MAX_CANDIDATES",
    "MAX_EXPLAINED",
    "MAX_ID_BYTES",
    "MAX_QUERY_BYTES",
    "MAX_RESULTS",
    "Candidates",
    "Question",
    "Schema",
    "admit_candidates",
    "admit_columns",
    "admit_question",
    "check_length",
    "microseconds",
]

MAX_CANDIDATES: Final = 10_000
MAX_EXPLAINED: Final = 20
MAX_RESULTS: Final = 1_000
MAX_ID_BYTES: Final = 128
MAX_QUERY_BYTES: Final = 4_096
_TIME = "request.time"
_QUERY = "request.query"


@dataclass(frozen=True, slots=True)
class Schema:
    """What a surface's callers may send.

    Attributes:
        context: Request-scope inputs that are no statistics, by name.
        candidate: Inputs that come with each candidate, by name.
        declared: Every declared input, by name, for refusals that help.
    """

    context: Mapping[str, Input]
    candidate: Mapping[str, Input]
    declared: Mapping[str, Input]

    @classmethod
    def of(cls, inputs: Iterable[Input]) -> Schema:
        """Return what callers may send of the inputs a feature set declares."""
        declared = {item.name: item for item in inputs}
        sendable = {name: item for name, item in declared.items() if not (item.statistic or item.training_only)}
        return cls(
            context={name: item for name, item in sendable.items() if item.root in REQUEST_ROOTS},
            candidate={name: item for name, item in sendable.items() if item.root in CANDIDATE_ROOTS},
            declared=declared,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Who asks what, where and when.

    Attributes:
        surface: Name of the surface.
        request_id: The caller's name for the request, or one made here.
        user_id: Who asks; empty when unknown.
        session_id: The caller's session; empty when unknown.
        query: Text as typed; may be empty.
        time_us: The moment features are computed for, microseconds since 1970, UTC.
        context: Raw request-scope columns of length 1 by input name, time and query among them when declared.
        limit: Most items to return; 0 when the caller left it open.
        filter: The condition on items as sent; empty: none.
        sort: (expression, descending) of the keys to order by as sent; empty: by score.
    """

    surface: str
    request_id: str
    user_id: str
    session_id: str
    query: str
    time_us: int
    context: Mapping[str, Any]
    limit: int
    filter: str = ""
    sort: tuple[tuple[str, bool], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """Items to rank, in columns.

    Attributes:
        ids: Text ids, length n; repeated ones are kept.
        integers: The ids as they were sent when they were integers, shape ``(n,)``, else None.
        columns: Raw candidate-scope columns of length n by input name.
    """

    ids: list[str]
    integers: npt.NDArray[np.int64] | None = None
    columns: Mapping[str, Any] = field(default_factory=dict)

    def take(self, places: npt.NDArray[np.int64]) -> Candidates:
        """Return the candidates at these places; those that recall found have no ids yet."""
        integers = None if self.integers is None else self.integers[places]
        columns = {name: _take(values, places) for name, values in self.columns.items()}
        return Candidates(ids=_take(self.ids, places) if self.ids else [], integers=integers, columns=columns)


def _take(values: Any, places: npt.NDArray[np.int64]) -> Any:
    if isinstance(values, list):
        return [values[place] for place in places.tolist()]
    return values[places] if isinstance(values, np.ndarray) else values.take(places)


def admit_question(request: AnyRequest, schema: Schema) -> Question:
    """Return who asks what, where and when.

    Raises:
        RequestError: When an id or the query is too long, the time impossible, or a context column refused.
    """
    for name in ("request_id", "user_id", "session_id"):
        check_length(getattr(request, name), MAX_ID_BYTES, name)
    check_length(request.query, MAX_QUERY_BYTES, "query")
    moment = _moment(request)
    context = admit_columns(request.context, schema, schema.context, rows=1, part="context")
    _fill(context, schema, moment, request.query)
    return Question(
        surface=request.surface,
        request_id=request.request_id or uuid.uuid4().hex,
        user_id=request.user_id,
        session_id=request.session_id,
        query=request.query,
        time_us=moment,
        context=context,
        limit=getattr(request, "limit", 0),
        filter=request.filter,
        sort=tuple((key.expression, key.descending) for key in getattr(request, "sort", ())),
    )


def admit_candidates(
    ids: ranking_pb2.Ids, columns: Sequence[ranking_pb2.Column], schema: Schema, *, most: int, part: str
) -> Candidates:
    """Return the items to rank with their columns.

    Args:
        ids: As sent; none at all is an empty list, not a mistake.
        columns: As sent.
        schema: What may be sent.
        most: Limit on the number of ids.
        part: Field of the request that holds the ids.

    Raises:
        RequestError: When there are too many ids, an id is empty or too long, or a column is refused.
    """
    integers = None
    if ids.WhichOneof("kind") == "integers":
        integers = np.array(ids.integers.values, np.int64)
        texts = list(map(str, integers.tolist()))
    else:
        texts = list(ids.strings.values)
        _check_ids(texts, part)
    if len(texts) > most:
        raise RequestError(f"{len(texts):,} ids, at most {most:,} are accepted in one request", field=part)
    sent = admit_columns(columns, schema, schema.candidate, rows=len(texts), part="candidate_columns")
    return Candidates(ids=texts, integers=integers, columns=sent)


def check_length(text: str, most: int, name: str) -> None:
    """Refuse a text that is too long.

    Raises:
        RequestError: When its UTF-8 has more than ``most`` bytes.
    """
    if len(text) * 4 > most and len(text.encode()) > most:
        raise RequestError(f"{len(text.encode()):,} bytes, at most {most:,} are accepted", field=name)


def _check_ids(ids: list[str], part: str) -> None:
    if not all(ids):
        raise RequestError(f"the id at position {ids.index('')} is empty", field=part)
    if max(map(len, ids), default=0) * 4 <= MAX_ID_BYTES:
        return
    for position, text in enumerate(ids):
        check_length(text, MAX_ID_BYTES, f"{part}[{position}]")


def _moment(request: AnyRequest) -> int:
    if not request.HasField("request_time"):
        return time.time_ns() // 1_000
    return microseconds(request.request_time, "request_time")


def microseconds(sent: Timestamp, name: str) -> int:
    """Return a moment as microseconds since 1970, UTC.

    Raises:
        RequestError: When no calendar has it.
    """
    if not (-62_135_596_800 <= sent.seconds <= 253_402_300_799 and 0 <= sent.nanos < 1_000_000_000):
        raise RequestError("is not a moment between the years 1 and 9999", field=name)
    return int(sent.seconds) * 1_000_000 + sent.nanos // 1_000


def _fill(context: dict[str, Any], schema: Schema, moment: int, query: str) -> None:
    """Give declared time and query inputs their values unless the caller sent them."""
    when = schema.context.get(_TIME)
    if when is not None and when.type is InputType.TIME:
        context.setdefault(_TIME, np.array([moment], np.int64))
    if _QUERY in schema.context and query:
        context.setdefault(_QUERY, [query])


def admit_columns(
    columns: Sequence[ranking_pb2.Column],
    schema: Schema,
    allowed: Mapping[str, Input],
    *,
    rows: int,
    part: str,
) -> dict[str, Any]:
    """Return sent columns as raw columns by input name.

    Args:
        columns: As sent.
        schema: Every declared input, for refusals that help.
        allowed: The inputs that may be sent here, by name.
        rows: Values that each column must hold.
        part: Field of the request that holds the columns.

    Raises:
        RequestError: When a column is sent twice, may not be sent here or does not hold what was declared.
    """
    admitted: dict[str, Any] = {}
    for column in columns:
        name = column.name
        where = f'{part}["{name}"]'
        if name in admitted:
            raise RequestError("is sent twice", field=where)
        declared = allowed.get(name)
        if declared is None:
            raise RequestError(_why_not(name, schema, allowed), field=where)
        admitted[name] = decode(column, declared, rows=rows, field=where)
    return admitted


def _why_not(name: str, schema: Schema, allowed: Mapping[str, Input]) -> str:
    declared = schema.declared.get(name)
    if declared is not None and declared.statistic is not None:
        return "is counted from events and cannot be sent"
    if declared is not None and declared.training_only:
        return "is known in training alone and cannot be sent"
    if declared is not None:
        return f"is an input of the {declared.root} and cannot be sent here"
    return f"is not a declared input; here you may send: {', '.join(sorted(allowed)) or 'nothing'}"
