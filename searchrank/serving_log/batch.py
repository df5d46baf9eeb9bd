"""Answers of one feature set into one record batch: numpy joins the columns, Arrow looks ids up by row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, groupby
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from searchrank.serving_log.answered import NO_REVISION, Answered
from searchrank.serving_log.raw import join
from searchrank.serving_log.schema import ARM, CORE, LEFT_OUT, SORT_KEY, Columns

if TYPE_CHECKING:
    from searchrank.features.inputs import Input

__all__ = ["record_batch"]

Ints = npt.NDArray[np.int64]

_SCALARS: Final[dict[str, Callable[[Answered], object]]] = {
    "request_id": lambda one: one.request_id,
    "rpc": lambda one: one.rpc,
    "surface": lambda one: one.surface,
    "user_id": lambda one: one.user_id or None,
    "session_id": lambda one: one.session_id or None,
    "query": lambda one: one.query or None,
    "request_time": lambda one: one.request_time,
    "answered_at": lambda one: one.answered_at,
    "elapsed_us": lambda one: one.elapsed_us,
    "release_name": lambda one: one.release[0],
    "release_version": lambda one: one.release[1],
    "release_digest": lambda one: one.release[2],
    "snapshot_id": lambda one: one.snapshot_id,
    "offset": lambda one: one.offset,
    "user_offset": lambda one: one.user_offset,
    "experiments": lambda one: one.experiments or None,
    "features_digest": lambda one: one.features_digest,
    "filter": lambda one: one.filter or None,
    "trees": lambda one: one.trees or None,
    "effort_candidates": lambda one: one.effort_candidates or None,
    "blend": lambda one: one.blend or None,
    "models": lambda one: list(one.models) or None,
    "rerank": lambda one: one.rerank or None,
    "cached": lambda one: one.cached or None,
}


def record_batch(
    answers: Sequence[Answered], layout: Columns, rest: Callable[[], None] = lambda: None
) -> pa.RecordBatch:
    """Return one row an answer.

    Args:
        answers: At least one, all of one feature set.
        layout: The columns of that feature set.
        rest: Called after each column, so that a thread need not hold the interpreter for all of them at a stretch.
    """
    columns: dict[str, pa.Array] = {}
    for name, column in _columns(answers, layout):
        columns[name] = column
        rest()
    return pa.record_batch([columns[name] for name in layout.schema.names], schema=layout.schema)


def _columns(answers: Sequence[Answered], layout: Columns) -> Iterator[tuple[str, pa.Array]]:
    """Make one column after the other."""
    starts = np.concatenate([[0], np.cumsum([len(one) for one in answers])])
    for name, get in _SCALARS.items():
        yield name, pa.array([get(one) for one in answers], CORE.field(name).type)
    yield "arms", _structs([one.arms for one in answers], ARM, getattr)
    yield "coverage", _structs([one.coverage for one in answers], LEFT_OUT, None)
    yield "sort", _structs([one.sort for one in answers], SORT_KEY, None, absent=True)
    yield "item_id", _lists(starts, _item_ids(answers))
    yield "revision", _lists(starts, pa.array(_revisions(answers, int(starts[-1]))))
    yield "position", _lists(starts, pa.array(_positions(answers, starts)))
    yield "score", _lists(starts, pa.array(np.concatenate([one.scores for one in answers])))
    yield "propensity", _lists(*_flat([one.propensities for one in answers]))
    for item in layout.requests:
        yield item.name, _context(item, answers)
    for item in layout.candidates:
        yield item.name, _sent(item, answers)


def _lists(starts: Ints, values: pa.Array, absent: npt.NDArray[np.bool_] | None = None) -> pa.ListArray:
    """Return a list an answer: its part of the values, or null."""
    mask = pa.array(absent) if absent is not None and absent.any() else None
    return pa.ListArray.from_arrays(pa.array(starts, pa.int32()), values, mask=mask)


def _structs(
    rows: Sequence[Sequence[Any]],
    kind: pa.StructType,
    get: Callable[[Any, str], object] | None,
    *,
    absent: bool = False,
) -> pa.Array:
    """Return a list of structs an answer; members are read by name, or by place when ``get`` is None.

    An empty one is null if ``absent``.
    """
    starts = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
    flat = list(chain.from_iterable(rows))
    columns = [
        pa.array([one[place] if get is None else get(one, field.name) for one in flat], field.type)
        for place, field in enumerate(kind)
    ]
    missing = np.array([absent and not row for row in rows])
    return _lists(starts, pa.StructArray.from_arrays(columns, fields=list(kind)), missing)


def _item_ids(answers: Sequence[Answered]) -> pa.Array:
    """Return the ids of all candidates: as sent, or taken from a catalogue for all its answers in a row at once."""
    parts = []
    for catalogue, some in _runs(answers):
        if catalogue is None:
            parts += [one.item_ids for one in some]
        else:
            parts.append(catalogue.take(pa.array(np.concatenate([one.rows for one in some]))))
    return parts[0] if len(parts) == 1 else pa.concat_arrays(parts)


def _runs(answers: Sequence[Answered]) -> Iterator[tuple[pa.StringArray | None, list[Answered]]]:
    for _, some in groupby(answers, lambda one: id(one.catalogue_ids) if one.item_ids is None else 0):
        run = list(some)
        yield (run[0].catalogue_ids if run[0].item_ids is None else None), run


def _revisions(answers: Sequence[Answered], candidates: int) -> Ints:
    if all(one.revisions is None for one in answers):
        return np.full(candidates, NO_REVISION)
    parts = [np.full(len(one), NO_REVISION) if one.revisions is None else one.revisions for one in answers]
    return np.concatenate(parts)


def _positions(answers: Sequence[Answered], starts: Ints) -> npt.NDArray[np.int32]:
    """Return the absolute position of every candidate in its answer, -1 where it was not returned."""
    lengths = np.array([len(one.order) for one in answers])
    ends = np.cumsum(lengths)
    shift = np.array([one.first for one in answers]) - (ends - lengths)
    positions = np.full(int(starts[-1]), -1, np.int32)
    places = np.concatenate([one.order for one in answers]) + np.repeat(starts[:-1], lengths)
    positions[places] = np.arange(len(places)) + np.repeat(shift, lengths)
    return positions


def _flat(parts: Sequence[npt.NDArray[np.float64] | None]) -> tuple[Ints, pa.Array, npt.NDArray[np.bool_]]:
    """Return where each part begins among the values of all, the values, and which parts are absent."""
    starts = np.concatenate([[0], np.cumsum([0 if part is None else len(part) for part in parts])])
    values = np.concatenate([np.empty(0), *(part for part in parts if part is not None)])
    return starts, pa.array(values), np.array([part is None for part in parts])


def _context(item: Input, answers: Sequence[Answered]) -> pa.Array:
    """Return one value an answer, null where none was sent."""
    parts = [one.context.get(item.name) for one in answers]
    values = join(item, [part for part in parts if part is not None])
    if len(values) == len(parts):
        return values
    there = np.array([part is not None for part in parts])
    return values.take(pa.array(np.cumsum(there) - 1, pa.int64(), mask=~there))


def _sent(item: Input, answers: Sequence[Answered]) -> pa.Array:
    """Return a list an answer with a value a candidate, null where the column was not sent."""
    parts = [one.columns.get(item.name) for one in answers]
    sizes = [0 if part is None else len(part) for part in parts]
    values = join(item, [part for part in parts if part is not None])
    absent = np.array([part is None for part in parts])
    return _lists(np.concatenate([[0], np.cumsum(sizes)]), values, absent)
