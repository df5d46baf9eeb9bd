"""The sixty definitions as polars expressions over one frame; missing numbers are NaN, so that rules are numpy's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
from sixty import BUCKETS, CLIP, DEFINITIONS, EDGES, STANDARD, VOCABULARY, Definition, Request, Table

__all__ = ["expressions", "matrix", "to_frame"]

_32: Final = 1 << 32
_MASK: Final = (1 << 64) - 1
_GOLDEN: Final = 0x9E3779B97F4A7C15
_MIX_1: Final = 0xBF58476D1CE4E5B9
_MIX_2: Final = 0x94D049BB133111EB
_NAN: Final = pl.lit(float("nan"), pl.Float32)
_CODES: Final = pl.Series(range(3, 3 + len(VOCABULARY)), dtype=pl.Float32)
_EDGES: Final = pl.lit(pl.Series(EDGES))
_KEYS: Final = pl.Series(VOCABULARY.view(np.uint64))


def to_frame(table: Table) -> pl.DataFrame:
    """Return a table as a frame: one column an input, categories unsigned, vectors and words as arrays."""
    columns = {f"n{k}": pl.Series(values) for k, values in enumerate(table.numbers)}
    columns |= {f"c{k}": pl.Series(values.view(np.uint64)) for k, values in enumerate(table.categories)}
    columns["vector"] = pl.Series(table.vectors, dtype=pl.Array(pl.Float32, table.vectors.shape[1]))
    columns["latitude"] = pl.Series(np.ascontiguousarray(table.places[:, 0]))
    columns["longitude"] = pl.Series(np.ascontiguousarray(table.places[:, 1]))
    columns |= {f"w{k}": pl.Series(np.ascontiguousarray(words)) for k, words in enumerate(table.words.T)}
    return pl.DataFrame(columns)


def expressions(request: Request) -> dict[str, pl.Expr]:
    """Return one expression a definition, named ``f0`` on."""
    return {f"f{k}": _STEPS[d.family](d, request).cast(pl.Float32).alias(f"f{k}") for k, d in enumerate(DEFINITIONS)}


def matrix(frame: pl.DataFrame) -> npt.NDArray[np.float32]:
    """Return the columns of a computed frame as ``(columns, n)``."""
    return np.array([column.to_numpy() for column in frame.get_columns()], np.float32)


def _number(k: int) -> pl.Expr:
    return pl.col(f"n{k}")


def _category(k: int) -> pl.Expr:
    return pl.col(f"c{k}")


def _word(value: int) -> pl.Expr:
    return pl.lit(value & _MASK, pl.UInt64)


def _log1p(definition: Definition, _request: Request) -> pl.Expr:
    return _number(definition.a).log1p()


def _bucket(definition: Definition, _request: Request) -> pl.Expr:
    x = _number(definition.a)
    return pl.when(x.is_nan()).then(_NAN).otherwise(_EDGES.search_sorted(x).cast(pl.Float32))


def _ratio(definition: Definition, _request: Request) -> pl.Expr:
    return _number(definition.a) / (_number(definition.b) + 1)


def _request_ratio(definition: Definition, request: Request) -> pl.Expr:
    return _number(definition.a) / pl.lit(request.numbers[definition.b] + np.float32(1), pl.Float32)


def _clip(definition: Definition, _request: Request) -> pl.Expr:
    return _number(definition.a).clip(*CLIP)


def _bucket_of(category: pl.Expr, known: pl.Expr) -> pl.Expr:
    upper = (category * _word(_GOLDEN)) // _word(_32)
    bucket = (upper * _word(BUCKETS)) // _word(_32)
    return pl.when(known).then(bucket.cast(pl.Float32)).otherwise(_NAN)


def _hash(definition: Definition, _request: Request) -> pl.Expr:
    category = _category(definition.a)
    return _bucket_of(category, category != 0)


def _mix(a: pl.Expr, b: pl.Expr) -> pl.Expr:
    mixed = a * _word(_GOLDEN)
    mixed = (mixed ^ (mixed // _word(1 << 30)) ^ b) * _word(_MIX_1)
    mixed = (mixed ^ (mixed // _word(1 << 27))) * _word(_MIX_2)
    return mixed ^ (mixed // _word(1 << 31))


def _cross(definition: Definition, _request: Request) -> pl.Expr:
    a, b = _category(definition.a), _category(definition.b)
    return _bucket_of(_mix(a, b), (a != 0) & (b != 0))


def _request_cross(definition: Definition, request: Request) -> pl.Expr:
    a = _category(definition.a)
    return _bucket_of(_mix(a, _word(request.category)), a != 0)


def _vocabulary(definition: Definition, _request: Request) -> pl.Expr:
    category = _category(definition.a)
    codes = category.replace_strict(_KEYS, _CODES, default=1.0, return_dtype=pl.Float32)
    return pl.when(category == 0).then(pl.lit(0, pl.Float32)).otherwise(codes)


def _standardize(definition: Definition, _request: Request) -> pl.Expr:
    return (_number(definition.a) - STANDARD[0]) / STANDARD[1]


def _maximum(definition: Definition, _request: Request) -> pl.Expr:
    a, b = _number(definition.a), _number(definition.b)
    return pl.when(a.is_nan() | (a >= b)).then(a).otherwise(b)


def _cosine(_definition: Definition, request: Request) -> pl.Expr:
    vector = pl.col("vector")
    wanted = pl.lit(pl.Series([request.vector], dtype=pl.Array(pl.Float32, len(request.vector))))
    length = float(np.sqrt(request.vector @ request.vector))
    return vector.arr.dot(wanted) / (vector.arr.dot(vector).sqrt() * length)


def _haversine(_definition: Definition, request: Request) -> pl.Expr:
    latitude, longitude = (float(value) for value in np.radians(request.place))
    north = ((pl.col("latitude").radians() - latitude) * 0.5).sin()
    east = ((pl.col("longitude").radians() - longitude) * 0.5).sin()
    square = north * north + pl.col("latitude").radians().cos() * float(np.cos(latitude)) * east * east
    return square.sqrt().arcsin() * (2 * 6371.0088)


def _jaccard(_definition: Definition, request: Request) -> pl.Expr:
    wanted = pl.Series(request.words)
    columns = [pl.col(f"w{k}") for k in range(8)]
    shared = pl.sum_horizontal([column.is_in(wanted.implode()).cast(pl.UInt8) for column in columns]).cast(pl.Float32)
    share = shared / (float(len(columns) + len(request.words)) - shared)
    return pl.when(columns[0] == 0).then(_NAN).otherwise(share)


_STEPS: Final[Mapping[str, Callable[[Definition, Request], pl.Expr]]] = {
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
