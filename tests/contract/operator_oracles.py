"""The contract's rows: every signature's oracle, written the plain way with ``math`` and Python's own types."""

from __future__ import annotations

import functools
import importlib.resources
import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from searchrank.features.inputs import MISSING_TIME
from tests.contract.operator_contract import (
    Row,
    Stream,
    any_times,
    flags,
    huge,
    numbers,
    shares,
)

NAN = math.nan
INF = math.inf
EDGES = (-3.0, -0.1, 0.0, 0.3, 1, 8388608, 1e39)
POOL = Stream(7).words(20).view(np.int64)
KEYS = np.sort(POOL[:12])
CODES = np.arange(12, dtype=np.float64)[::-1] + 3

List = Sequence[int] | None
Map = dict[int, float] | None
Point = Sequence[float]


def strict(function: Callable[..., float]) -> Callable[..., float]:
    """Make an oracle total: NaN if an operand is NaN or Python finds no value, infinity where it overflows."""

    @functools.wraps(function)
    def total(*operands: float, **parameters: Any) -> float:
        if any(math.isnan(x) for x in operands):
            return NAN
        try:
            return float(function(*operands, **parameters))
        except OverflowError:
            return INF
        except (ValueError, ZeroDivisionError):
            return NAN

    return total


def _clip(x: float, *, low: float, high: float) -> float:
    return x if math.isnan(x) else min(max(x, float(np.float32(low))), float(np.float32(high)))


def _floor(x: float) -> float:
    return x if math.isinf(x) else math.floor(x)


def _log(x: float) -> float:
    return -INF if x == 0 else math.log(x)


def _log1p(x: float) -> float:
    return -INF if x == -1 else math.log1p(x)


def _power(x: float, y: float) -> float:
    odd = math.isfinite(y) and y.is_integer() and y % 2 == 1
    try:
        return math.pow(x, y)
    except OverflowError:
        return -INF if x < 0 and odd else INF
    except ValueError:
        return math.copysign(INF, x) if x == 0 and odd else INF if x == 0 else NAN


def _smooth(a: float, b: float, *, prior: float, strength: float) -> float:
    return (a + prior * strength) / (b + strength)


def _bucket(x: float, *, edges: Sequence[float]) -> float:
    return sum(edge < x for edge in edges)


def _both(a: float, b: float) -> float:
    if a == 0 or b == 0:
        return 0
    return NAN if math.isnan(a) or math.isnan(b) else 1


def _either(a: float, b: float) -> float:
    if any(not math.isnan(x) and x != 0 for x in (a, b)):
        return 1
    return NAN if math.isnan(a) or math.isnan(b) else 0


def _where(condition: float, a: float, b: float) -> float:
    if math.isnan(condition):
        return NAN
    return a if condition else b


def _hash_bucket(category: int, *, buckets: int) -> float:
    return ((category * 0x9E3779B97F4A7C15 % 2**64 >> 32) * buckets >> 32) if category else NAN


def _cross(a: int, b: int) -> int:
    if not a or not b:
        return 0
    z = a * 0x9E3779B97F4A7C15 % 2**64
    z = (z ^ z >> 30 ^ b % 2**64) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ z >> 27) * 0x94D049BB133111EB % 2**64
    z = (z ^ z >> 31) or 1
    return z - 2**64 if z >> 63 else z


def _overlap(a: List, b: List) -> float:
    return len(set(a) & set(b)) / len(set(a)) if a and b is not None else NAN


def _jaccard(a: List, b: List) -> float:
    if a is None or b is None or not (a or b):
        return NAN
    return len(set(a) & set(b)) / len(set(a) | set(b))


def _haversine(a: Point, b: Point) -> float:
    if not all(abs(p[0]) <= 90 and abs(p[1]) <= 720 for p in (a, b)):
        return NAN
    north = math.sin(math.radians(a[0] - b[0]) / 2)
    east = math.sin(math.radians(a[1] - b[1]) / 2)
    square = north**2 + math.cos(math.radians(a[0])) * math.cos(math.radians(b[0])) * east**2
    return 2 * 6371.0088 * math.asin(math.sqrt(min(square, 1.0)))


def _age(a: int, b: int) -> float:
    far = abs(a - b) > 9.2e18
    return NAN if far or MISSING_TIME in {a, b} else (a - b) / 86_400_000_000


@functools.cache
def zone_of(name: str) -> ZoneInfo:
    """The zone of the tzdata package."""
    with importlib.resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file)


def _local(time: int, zone: str) -> datetime:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time)).astimezone(zone_of(zone))


def _hour(time: int, *, zone: str) -> float:
    return NAN if time == MISSING_TIME else _local(time, zone).hour


def _weekday(time: int, *, zone: str) -> float:
    return NAN if time == MISSING_TIME else _local(time, zone).weekday()


def _dot(a: Sequence[float], b: Sequence[float]) -> float:
    return math.fsum(x * y for x, y in zip(a, b, strict=True))


def _norm(a: Sequence[float]) -> float:
    return math.sqrt(_dot(a, a))


def _cosine(a: Sequence[float], b: Sequence[float]) -> float:
    lengths = _norm(a) * _norm(b)
    return _dot(a, b) / lengths if lengths else NAN


def _position(a: List, category: int) -> float:
    return a.index(category) if a and category and category in a else NAN


def _contains(a: List, category: int) -> float:
    return NAN if a is None or not category else category in a


def _lookup(entries: Map, category: int) -> float:
    return NAN if entries is None or not category else entries.get(category, NAN)


def _mean(entries: Map) -> float:
    values = list(entries.values()) if entries else [NAN]
    return NAN if {INF, -INF} <= set(values) else sum(values) / len(values)


def _most(entries: Map) -> float:
    values = list(entries.values()) if entries else [NAN]
    return NAN if any(map(math.isnan, values)) else max(values)


def _vocabulary(category: int, *, keys: np.ndarray, codes: np.ndarray) -> float:
    table = dict(zip(keys.tolist(), codes.tolist(), strict=True))
    return table.get(category, 1) if category else 0


def _count(value: List | Map) -> float:
    return NAN if value is None else len(value)


def _same(a: int, b: int) -> float:
    return a == b if a and b else NAN


def _other(a: int, b: int) -> float:
    return a != b if a and b else NAN


CONTRACT: dict[str, Row] = {
    "absolute(number) -> number": Row(abs),
    "add(number, number) -> number": Row(lambda a, b: a + b),
    "subtract(number, number) -> number": Row(lambda a, b: a - b),
    "multiply(number, number) -> number": Row(lambda a, b: a * b, generators=(huge, huge)),
    "divide(number, number) -> number": Row(strict(lambda a, b: a / b), generators=(huge, huge)),
    "negate(number) -> number": Row(lambda a: -a),
    "minimum(number, number) -> number": Row(strict(min)),
    "maximum(number, number) -> number": Row(strict(max)),
    "clip(number, low=, high=) -> number": Row(_clip, {"low": -1.1, "high": 2.5}),
    "sqrt(number) -> number": Row(strict(math.sqrt), generators=(huge,)),
    "floor(number) -> number": Row(strict(_floor)),
    "exp(number) -> number": Row(strict(math.exp)),
    "log(number) -> number": Row(strict(_log), generators=(huge,)),
    "log1p(number) -> number": Row(strict(_log1p), generators=(huge,)),
    "pow(number, number) -> number": Row(strict(_power)),
    "tanh(number) -> number": Row(strict(math.tanh)),
    "sin(number) -> number": Row(strict(math.sin), generators=(huge,)),
    "cos(number) -> number": Row(strict(math.cos), generators=(huge,)),
    "asin(number) -> number": Row(strict(math.asin), generators=(shares,)),
    "atan2(number, number) -> number": Row(strict(math.atan2), generators=(huge, huge)),
    "ratio(number, number) -> number": Row(strict(lambda a, b: a / b)),
    "smooth_ratio(number, number, prior=, strength=) -> number": Row(
        strict(_smooth), {"prior": 0.05, "strength": 20.0}
    ),
    "standardize(number, mean=, scale=) -> number": Row(
        lambda x, *, mean, scale: (x - mean) / scale, {"mean": 0.7, "scale": 2.3}
    ),
    "coalesce(number, number) -> number": Row(lambda a, b: b if math.isnan(a) else a),
    "where(number, number, number) -> number": Row(_where, generators=(flags, numbers, numbers)),
    "is_missing(number) -> number": Row(math.isnan),
    "is_missing(category) -> number": Row(lambda a: a == 0),
    "is_missing(time) -> number": Row(lambda a: a == MISSING_TIME),
    "is_missing(list) -> number": Row(lambda a: a is None),
    "is_missing(map) -> number": Row(lambda a: a is None),
    "is_missing(point) -> number": Row(lambda a: any(map(math.isnan, a))),
    "is_missing(vector) -> number": Row(lambda a: all(map(math.isnan, a))),
    "less(number, number) -> number": Row(strict(lambda a, b: a < b)),
    "less_equal(number, number) -> number": Row(strict(lambda a, b: a <= b)),
    "greater(number, number) -> number": Row(strict(lambda a, b: a > b)),
    "greater_equal(number, number) -> number": Row(strict(lambda a, b: a >= b)),
    "equal(number, number) -> number": Row(strict(lambda a, b: a == b)),
    "not_equal(number, number) -> number": Row(strict(lambda a, b: a != b)),
    "equal(category, category) -> number": Row(_same),
    "not_equal(category, category) -> number": Row(_other),
    "both(number, number) -> number": Row(_both, generators=(flags, flags)),
    "either(number, number) -> number": Row(_either, generators=(flags, flags)),
    "negation(number) -> number": Row(strict(lambda a: a == 0), generators=(flags,)),
    "bucket(number, edges=) -> number": Row(strict(_bucket), {"edges": EDGES}),
    "bucketize(number, edges=) -> number": Row(strict(_bucket), {"edges": EDGES[1:4]}),
    "vocabulary(category, keys=, codes=) -> number": Row(_vocabulary, {"keys": KEYS, "codes": CODES}),
    "hash_bucket(category, buckets=) -> number": Row(_hash_bucket, {"buckets": 1000}),
    "cross(category, category) -> category": Row(_cross),
    "token_overlap(list, list) -> number": Row(_overlap),
    "token_jaccard(list, list) -> number": Row(_jaccard),
    "token_count(list) -> number": Row(lambda a: NAN if a is None else len(set(a))),
    "size(list) -> number": Row(_count),
    "size(map) -> number": Row(_count),
    "contains(list, category) -> number": Row(_contains),
    "position_in(list, category) -> number": Row(_position),
    "lookup(map, category) -> number": Row(_lookup),
    "map_mean(map) -> number": Row(_mean),
    "map_max(map) -> number": Row(_most),
    "haversine_km(point, point) -> number": Row(_haversine),
    "age_days(time, time) -> number": Row(_age, generators=(any_times, any_times)),
    "hour_of_day(time, zone=) -> number": Row(_hour, {"zone": "Asia/Shanghai"}),
    "day_of_week(time, zone=) -> number": Row(_weekday, {"zone": "Asia/Shanghai"}),
    "dot(vector, vector) -> number": Row(_dot),
    "cosine(vector, vector) -> number": Row(_cosine),
    "norm(vector) -> number": Row(_norm),
}
