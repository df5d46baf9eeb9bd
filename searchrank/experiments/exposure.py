"""Who was shown what in which arm, and what became of it: answers of the serving log joined with events by request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ANSWERED", "HAPPENED", "OUTCOMES", "Exposures"]

Ints = npt.NDArray[np.int64]

ANSWERED: Final = ("request_id", "surface", "user_id", "session_id", "arms", "item_id")
"""Columns of answers that are read; ``item_id`` lists what was returned."""
HAPPENED: Final = ("kind", "request_id", "item_id")
"""Columns of events that are read."""
OUTCOMES: Final = ("click", "order")
_SEEN: Final = "impression"


@dataclass(frozen=True, slots=True, eq=False)
class Exposures:
    """Answered requests with what was shown, clicked and ordered in each, shape ``(r,)`` everywhere.

    Shown is what was returned; of a request with impressions, only what those name. Several answers of one request are
    its pages.

    Attributes:
        units: Ids by kind of unit, ``user_id`` and ``session_id``; empty where unknown.
        counts: Distinct items shown, and of these clicked and ordered.
        arms: By layer and experiment, the arm that each request was given by chance; empty where it was in none.
    """

    units: Mapping[str, npt.NDArray[np.object_]]
    counts: tuple[Ints, ...]
    arms: Mapping[tuple[str, str], npt.NDArray[np.object_]]

    @classmethod
    def of(cls, answers: pa.Table, events: pa.Table) -> Self:
        """Join answers and events.

        Args:
            answers: ``ANSWERED`` columns of one surface.
            events: ``HAPPENED`` columns; those of other requests are not looked at.
        """
        requests = _column(answers, "request_id").dictionary_encode()
        codes = _codes(requests)
        first = np.unique(codes, return_index=True)[1]
        lists = _column(answers, "item_id")
        items = lists.flatten().dictionary_encode()
        width = max(1, len(items.dictionary))
        keys = np.unique(np.repeat(codes, _sizes(lists)) * width + _codes(items))
        happened = _happened(events, requests.dictionary, items.dictionary)
        seen = happened.get(_SEEN, keys[:0])
        was_looked_at = np.isin(keys // width, seen // width)
        shown = np.union1d(keys[~was_looked_at], np.intersect1d(keys, seen))
        parts = [shown, *(np.intersect1d(shown, happened.get(kind, shown[:0])) for kind in OUTCOMES)]
        counts = tuple(np.bincount(part // width, minlength=len(first)) for part in parts)
        units = {kind: _texts(_column(answers, kind))[first] for kind in ("user_id", "session_id")}
        return cls(units, counts, _arms(_column(answers, "arms"), codes, len(first)))


def _column(table: pa.Table, name: str) -> pa.Array:
    column = table.column(name)
    return pa.concat_arrays([pa.array([], column.type), *column.chunks])


def _codes(encoded: pa.DictionaryArray) -> Ints:
    codes: Ints = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return codes


def _sizes(lists: pa.Array) -> Ints:
    sizes: Ints = pc.list_value_length(lists).to_numpy(zero_copy_only=False)
    return sizes


def _texts(column: pa.Array) -> npt.NDArray[np.object_]:
    texts: npt.NDArray[np.object_] = pc.fill_null(column, "").to_numpy(zero_copy_only=False).astype(object)
    return texts


def _happened(events: pa.Table, requests: pa.Array, items: pa.Array) -> dict[str, Ints]:
    """Return by kind of event one number for each pair of known request and item, ascending."""
    request, item = (
        pc.fill_null(pc.index_in(_column(events, name), known), -1).to_numpy(zero_copy_only=False).astype(np.int64)
        for name, known in (("request_id", requests), ("item_id", items))
    )
    known = (request >= 0) & (item >= 0)
    keys = (request * max(1, len(items)) + item)[known]
    kinds = _column(events, "kind").filter(pa.array(known)).dictionary_encode()
    return {kind: np.unique(keys[_codes(kinds) == code]) for code, kind in enumerate(kinds.dictionary.to_pylist())}


def _arms(lists: pa.Array, codes: Ints, requests: int) -> dict[tuple[str, str], npt.NDArray[np.object_]]:
    of = np.repeat(codes, _sizes(lists))
    flat = lists.flatten()
    counted = ~flat.field("overridden").to_numpy(zero_copy_only=False)
    layers, trials, names = (_texts(flat.field(name))[counted] for name in ("layer", "experiment", "arm"))
    of = of[counted]
    found = {}
    for layer, trial in set(zip(layers.tolist(), trials.tolist(), strict=True)):
        mine = (layers == layer) & (trials == trial)
        arms = np.full(requests, "", object)
        arms[of[mine]] = names[mine]
        found[layer, trial] = arms
    return found
