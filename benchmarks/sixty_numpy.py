"""The sixty definitions in numpy: vectorised by column, written into one matrix, no temporary that can be spared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
from sixty import BUCKETS, CLIP, DEFINITIONS, EDGES, STANDARD, VOCABULARY, Definition, Request, Table

__all__ = ["run_numpy"]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]
Step = Callable[[Table, Request, Definition, Floats], None]

_ONE: Final = np.float32(1)
_LOW, _HIGH = np.float32(CLIP[0]), np.float32(CLIP[1])
_MEAN, _SCALE = np.float32(STANDARD[0]), np.float32(STANDARD[1])
_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX_1: Final = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2: Final = np.uint64(0x94D049BB133111EB)
_27, _30, _31, _32 = (np.uint64(k) for k in (27, 30, 31, 32))
_CODES: Final = np.arange(3, 3 + len(VOCABULARY), dtype=np.float32)


def run_numpy(table: Table, request: Request, out: Floats, *, wide: bool = False) -> Floats:
    """Compute the sixty columns.

    Args:
        table: n rows.
        request: The request that all rows belong to.
        out: ``(60, n)``, filled.
        wide: Compute logarithms, z-scores and cosines in float64 and round once, as the runtime does, so that a model
            sees the same bits; else in float32, numpy's fastest.

    Returns:
        ``out``.
    """
    steps = _WIDE if wide else _STEPS
    with np.errstate(invalid="ignore"):
        for definition, column in zip(DEFINITIONS, out, strict=True):
            steps[definition.family](table, request, definition, column)
    return out


def _log1p(table: Table, _request: Request, definition: Definition, out: Floats) -> None:
    np.log1p(table.numbers[definition.a], out=out)


def _log1p_wide(table: Table, _request: Request, definition: Definition, out: Floats) -> None:
    out[:] = np.log1p(table.numbers[definition.a].astype(np.float64))


def _bucket(table: Table, _request: Request, definition: Definition, out: Floats) -> None:
    x = table.numbers[definition.a]
    out[:] = np.searchsorted(EDGES, x)
    out[np.isnan(x)] = np.nan


def _ratio(table: Table, _request: Request, definition: Definition, out: Floats) -> None:
    np.divide(table.numbers[definition.a], table.numbers[definition.b] + _ONE, out=out)


def _request_ratio(table: Table, request: Request, definition: Definition, out: Floats) -> None:
    np.divide(table.numbers[definition.a], request.numbers[definition.b] + _ONE, out=out)


def _clip(table: Table, _request: Request, definition: Definition, out: Floats) -> None:
    np.clip(table.numbers[definition.a], _LOW, _HIGH, out=out)


def _bucket_of(category: Words, out: Floats) -> None:
    out[:] = (((category * _GOLDEN) >> _32) * np.uint64(BUCKETS)) >> _32
    out[category == 0] = np.nan


def _hash(table: Table, _request: Request, definition: Definition, out: Floats) -> None:
    _bucket_of(table.categories[definition.a].view(np.uint64), out)


def _mix(a: Words, b: Words | np.uint64) -> Words:
    mixed = a * _GOLDEN
    mixed = (mixed ^ (mixed >> _30) ^ b) * _MIX_1
    mixed = (mixed ^ (mixed >> _27)) * _MIX_2
    mixed ^= mixed >> _31
    return mixed


def _cross(table: Table, _request: Request, definition: Definition, out: Floats) -> None:
    a = table.categories[definition.a].view(np.uint64)
    b = table.categories[definition.b].view(np.uint64)
    mixed = _mix(a, b)
    mixed[(a == 0) | (b == 0)] = 0
    _bucket_of(mixed, out)


def _request_cross(table: Table, request: Request, definition: Definition, out: Floats) -> None:
    a = table.categories[definition.a].view(np.uint64)
    mixed = _mix(a, np.uint64(request.category % (1 << 64)))
    mixed[a == 0] = 0
    _bucket_of(mixed, out)


def _vocabulary(table: Table, _request: Request, definition: Definition, out: Floats) -> None:
    category = table.categories[definition.a]
    place = np.searchsorted(VOCABULARY, category)
    place[place == len(VOCABULARY)] = 0
    out[:] = np.where(VOCABULARY[place] == category, _CODES[place], _ONE)
    out[category == 0] = 0


def _standardize(table: Table, _request: Request, definition: Definition, out: Floats) -> None:
    np.subtract(table.numbers[definition.a], _MEAN, out=out)
    np.divide(out, _SCALE, out=out)


def _standardize_wide(table: Table, _request: Request, definition: Definition, out: Floats) -> None:
    out[:] = (table.numbers[definition.a].astype(np.float64) - STANDARD[0]) / STANDARD[1]


def _maximum(table: Table, _request: Request, definition: Definition, out: Floats) -> None:
    np.maximum(table.numbers[definition.a], table.numbers[definition.b], out=out)


def _cosine(table: Table, request: Request, _definition: Definition, out: Floats) -> None:
    _cosine_of(table.vectors, request.vector, out)


def _cosine_wide(table: Table, request: Request, _definition: Definition, out: Floats) -> None:
    _cosine_of(table.vectors.astype(np.float64), request.vector.astype(np.float64), out)


def _cosine_of(vectors: npt.NDArray[np.floating], wanted: npt.NDArray[np.floating], out: Floats) -> None:
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors)) * np.sqrt(wanted @ wanted)
    out[:] = (vectors @ wanted) / lengths


def _haversine(table: Table, request: Request, _definition: Definition, out: Floats) -> None:
    places, here = np.radians(table.places), np.radians(request.place)
    latitude = places[:, 0]
    half = np.sin((places - here) * 0.5)
    square = half[:, 0] ** 2 + np.cos(latitude) * np.cos(here[0]) * half[:, 1] ** 2
    out[:] = 2 * 6371.0088 * np.arcsin(np.sqrt(square))


def _jaccard(table: Table, request: Request, _definition: Definition, out: Floats) -> None:
    words = table.words
    shared = (words[:, :, None] == request.words).any(2).sum(1)
    out[:] = shared / (words.shape[1] + len(request.words) - shared)
    out[words[:, 0] == 0] = np.nan


_STEPS: Final[Mapping[str, Step]] = {
    "log1p": _log1p,
    "bucket": _bucket,
    "ratio": _ratio,
    "request_ratio": _request_ratio,
    "clip": _clip,
    "hash": _hash,
    "request_cross": _request_cross,
    "cross": _cross,
    "vocabulary": _vocabulary,
    "standardize": _standardize,
    "maximum": _maximum,
    "cosine": _cosine,
    "haversine": _haversine,
    "jaccard": _jaccard,
}
_WIDE: Final[Mapping[str, Step]] = {
    **_STEPS,
    "log1p": _log1p_wide,
    "standardize": _standardize_wide,
    "cosine": _cosine_wide,
}
