"""What every operator promises, as a table: one row a signature, its oracle in plain Python float64.

``run_operator`` builds operand rows and calls the compiled kernel, ``differences`` compares with the oracle, and the
golden file holds a digest of every signature's bytes. ``python tests/contract/operator_contract.py --write`` renews
the digests of signatures that are new or have a new revision, and of no others.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from searchrank.features.inputs import MISSING_TIME, Kind, cell
from searchrank.features.operator import OPERATORS, ROW_SLOTS, SIZE_SLOT, Operator
from searchrank.native import library

importlib.import_module("searchrank.features.operators")

GOLDEN = Path(__file__).parents[1] / "golden" / "operators.json"
GOLDEN_ROWS = 257
LIMIT = 9
SIZE = 13
END_US = 4_102_444_800_000_000  # 2100-01-01
_SMALL = [math.nan, math.inf, -math.inf, 0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, 3.0, -3.0, 1e-45, -1e-45, 0.3]
_LARGE = [1.1754944e-38, 3.4028235e38, -3.4028235e38, 8388607.5, 8388608.0, 16777216.0, 88.72284, -103.97, 1e10]
SPECIAL = np.array([*_SMALL, *_LARGE], dtype=np.float32)


@dataclass(frozen=True)
class Cells:
    """A wide operand: cells, and the one that each row reads."""

    values: np.ndarray
    rows: np.ndarray


Column = np.ndarray | Cells


class Stream:
    """Random words of splitmix64: the same in every version of numpy, on every machine."""

    def __init__(self, seed: int) -> None:
        self.state = seed * 1_000_003

    def words(self, count: int) -> np.ndarray:
        places = np.arange(self.state + 1, self.state + 1 + count, dtype=np.uint64)
        self.state += count
        z = places * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))

    def below(self, high: int, count: int) -> np.ndarray:
        return (self.words(count) % np.uint64(high)).astype(np.int64)

    def share(self, count: int) -> np.ndarray:
        """Multiples of 2^-53 in [0, 1)."""
        return (self.words(count) >> np.uint64(11)).astype(np.float64) * 2.0**-53


# --- generators: (stream, n) -> column; only exact arithmetic, so that golden inputs are the same everywhere


def numbers(stream: Stream, n: int) -> np.ndarray:
    """Both signs, 2^-20 to 2^20, small whole numbers, and every special value."""
    spread = np.ldexp(1 + stream.share(n), stream.below(40, n) - 20) * (1 - 2 * stream.below(2, n))
    small = (stream.below(11, n) - 5).astype(np.float64)
    special = SPECIAL[stream.below(len(SPECIAL), n)]
    choice = stream.below(4, n)
    return np.where(choice == 0, special, np.where(choice == 1, small, spread)).astype(np.float32)


def flags(stream: Stream, n: int) -> np.ndarray:
    return np.array([0.0, -0.0, 1.0, 2.0, math.nan], dtype=np.float32)[stream.below(5, n)]


def huge(stream: Stream, n: int) -> np.ndarray:
    """Like ``numbers``, but also of any exponent a float32 can have."""
    wide = np.ldexp(1 + stream.share(n), stream.below(254, n) - 126) * (1 - 2 * stream.below(2, n))
    return np.where(stream.below(2, n) == 0, wide.astype(np.float32), numbers(stream, n))


def shares(stream: Stream, n: int) -> np.ndarray:
    """Around -1 to 1, dense at 0 and at both ends."""
    inside = (stream.share(n) * 2 - 1).astype(np.float32)
    tiny = np.ldexp(inside, -stream.below(60, n)).astype(np.float32)
    picked = np.where(stream.below(2, n) == 0, inside, np.where(stream.below(2, n) == 0, tiny, 1 - tiny))
    return np.where(stream.below(8, n) == 0, SPECIAL[stream.below(len(SPECIAL), n)], picked).astype(np.float32)


def categories(stream: Stream, n: int) -> np.ndarray:
    """Twenty hashes of 64 bits, one in ten missing."""
    pool = Stream(7).words(20).view(np.int64)
    return np.where(stream.below(10, n) == 0, 0, pool[stream.below(20, n)])


def times(stream: Stream, n: int) -> np.ndarray:
    moments = (stream.words(n) % np.uint64(END_US)).astype(np.int64)
    return np.where(stream.below(10, n) == 0, MISSING_TIME, moments)


def any_times(stream: Stream, n: int) -> np.ndarray:
    return np.where(stream.below(4, n) == 0, stream.words(n).view(np.int64), times(stream, n))


def _cells(stream: Stream, n: int, values: np.ndarray) -> Cells:
    return Cells(values, stream.below(len(values), n))


def points(stream: Stream, n: int) -> Cells:
    """Anywhere, close together, at poles, beyond the map, and missing."""
    values = np.stack([stream.share(40) * 180 - 90, stream.share(40) * 360 - 180], axis=1)
    values[10:20] = values[9] + np.ldexp(stream.share(20).reshape(10, 2), -12)
    values[20:26] = [[90, 0], [-90, 12], [0, 0], [0, 180], [91, 0], [0, 721]]
    values[26:28] = [[math.nan, math.nan], [math.nan, 1.0]]
    return _cells(stream, n, values)


def vectors(stream: Stream, n: int) -> Cells:
    """Of thirteen components, so that some are left over past eight; one all zero, one NaN, one with a NaN."""
    values = (stream.share(20 * SIZE) * 2 - 1).astype(np.float32).reshape(20, SIZE)
    values[3], values[4], values[5, 6], values[6] = 0, math.nan, math.nan, values[7] * np.float32(1e30)
    return _cells(stream, n, values)


def lists(stream: Stream, n: int) -> Cells:
    """Up to the limit, with repetitions, empty and missing; what lies beyond the count is rubbish."""
    values = np.zeros(40, dtype=cell(Kind.LIST, limit=LIMIT))
    values["count"] = stream.below(LIMIT + 2, 40) - 1
    values["values"] = Stream(7).words(20).view(np.int64)[stream.below(20, 40 * LIMIT)].reshape(40, LIMIT)
    return _cells(stream, n, values)


def maps(stream: Stream, n: int) -> Cells:
    """Up to the limit, empty and missing; some hold NaN or infinity."""
    values = np.zeros(40, dtype=cell(Kind.MAP, limit=LIMIT))
    values["count"] = stream.below(LIMIT + 2, 40) - 1
    pool = Stream(7).words(20).view(np.int64)
    for entry in values:
        entry["keys"] = np.sort(pool[np.argsort(stream.words(20))[:LIMIT]])
        entry["values"] = shares(stream, LIMIT)
    return _cells(stream, n, values)


GENERATORS: dict[Kind, Callable[[Stream, int], Column]] = {
    Kind.NUMBER: numbers,
    Kind.CATEGORY: categories,
    Kind.TIME: times,
    Kind.POINT: points,
    Kind.VECTOR: vectors,
    Kind.LIST: lists,
    Kind.MAP: maps,
}


@dataclass(frozen=True)
class Row:
    """A signature's promise.

    Attributes:
        oracle: From plain Python values (None for a missing list or map) and parameters to the result.
        parameters: Literals as a definition would give them.
        generators: Of the operands, where the kind's own does not do.
    """

    oracle: Callable[..., float]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    generators: Sequence[Callable[[Stream, int], Column]] = ()


# --- the harness


def signatures() -> list[Operator]:
    """Every registered signature in a fixed order."""
    return sorted((s for group in OPERATORS.values() for s in group), key=lambda s: s.signature)


def operands_of(operator: Operator, row: Row, seed: int, n: int) -> list[Column]:
    """Generate the operands of a signature."""
    stream = Stream(seed)
    generators = row.generators or [GENERATORS[kind] for kind in operator.operands]
    return [generate(stream, n) for generate in generators]


def _address(array: np.ndarray) -> int:
    return int(array.ctypes.data)


def run_operator(operator: Operator, operands: Sequence[Column], parameters: Mapping[str, Any], n: int) -> np.ndarray:
    """Call the compiled kernel over ``n`` rows; every NaN comes back with one bit pattern."""
    out = np.empty(n, dtype=np.float32 if operator.result is Kind.NUMBER else np.int64)
    slots = [0, _address(out)]
    alive: list[np.ndarray] = []
    size = 0
    for kind, operand in zip(operator.operands, operands, strict=True):
        if isinstance(operand, Cells):
            values, rows = np.ascontiguousarray(operand.values), np.ascontiguousarray(operand.rows[:n])
            alive += [values, rows]
            slots += [_address(values), values.strides[0], _address(rows)]
            size = {Kind.VECTOR: SIZE, Kind.MAP: LIMIT}.get(kind, size)
        else:
            column = np.ascontiguousarray(operand[:n])
            alive.append(column)
            slots.append(_address(column))
    for parameter in operator.parameters:
        value = parameter.prepare(parameters.get(parameter.name, parameter.default))
        if parameter.array:
            assert isinstance(value, np.ndarray)
            alive.append(value)
            slots += [_address(value), len(value)]
        else:
            slots.append(int(np.float64(value).view(np.int64)))
    row = np.zeros(ROW_SLOTS, dtype=np.int64)
    row[: len(slots)] = slots
    row[SIZE_SLOT] = size
    library().callable(operator.function)(n, _address(row))
    if operator.result is Kind.NUMBER:
        out[np.isnan(out)] = np.float32(np.nan)
    return out


def cut(operand: Column, start: int, stop: int) -> Column:
    """Rows ``start`` to ``stop`` of an operand."""
    if isinstance(operand, Cells):
        return Cells(operand.values, operand.rows[start:stop])
    return operand[start:stop]


def _plain(kind: Kind, operand: Column, j: int) -> Any:
    """One operand of one row as a plain Python value."""
    if not isinstance(operand, Cells):
        return operand[j].item()
    value = operand.values[operand.rows[j]]
    if kind in {Kind.POINT, Kind.VECTOR}:
        return value.tolist()
    count = int(value["count"])
    if count < 0:
        return None
    if kind is Kind.LIST:
        return value["values"][:count].tolist()
    return dict(zip(value["keys"][:count].tolist(), value["values"][:count].tolist(), strict=True))


def expected(operator: Operator, row: Row, operands: Sequence[Column], n: int) -> np.ndarray:
    """Run the oracle."""
    results = [
        row.oracle(*(_plain(k, o, j) for k, o in zip(operator.operands, operands, strict=True)), **row.parameters)
        for j in range(n)
    ]
    if operator.result is not Kind.NUMBER:
        return np.array(results, dtype=np.int64)
    with np.errstate(over="ignore"):
        return np.array(results, dtype=np.float64).astype(np.float32)


def ulps(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Distance in float32 steps; both zeros are one, NaN is 0 from NaN and far from all else."""
    bits = [x.view(np.int32).astype(np.int64) for x in (a, b)]
    ordered = [np.where(x < 0, -(x & 0x7FFFFFFF), x) for x in bits]
    apart = np.abs(ordered[0] - ordered[1])
    return np.where(np.isnan(a) | np.isnan(b), np.where(np.isnan(a) & np.isnan(b), 0, 1 << 32), apart)


def differences(operator: Operator, row: Row, seed: int, n: int) -> list[str]:
    """Rows on which kernel and oracle are more than 1 ulp apart, described."""
    operands = operands_of(operator, row, seed, n)
    got = run_operator(operator, operands, row.parameters, n)
    want = expected(operator, row, operands, n)
    apart = ulps(got, want) if operator.result is Kind.NUMBER else np.where(got == want, 0, 2)
    return [
        f"{operator.name}({', '.join(repr(_plain(k, o, j)) for k, o in zip(operator.operands, operands, strict=True))}"
        f") is {got[j]!r}, should be {want[j]!r}"
        for j in np.flatnonzero(apart > 1)
    ]


# --- golden bytes


def digest(operator: Operator, row: Row) -> str:
    """SHA-256 of a signature's output bytes on its fixed vector."""
    operands = operands_of(operator, row, 2026, GOLDEN_ROWS)
    return hashlib.sha256(run_operator(operator, operands, row.parameters, GOLDEN_ROWS).tobytes()).hexdigest()


def renewed(stored: Mapping[str, Any], contract: Mapping[str, Row]) -> dict[str, Any]:
    """The golden file with new signatures and new revisions brought up to date, all else as it was."""
    entries: dict[str, Any] = {}
    for operator in signatures():
        old = stored.get(operator.signature)
        entries[operator.signature] = (
            old
            if old and old["revision"] == operator.revision
            else {"revision": operator.revision, "sha256": digest(operator, contract[operator.signature])}
        )
    return entries


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        sys.exit("usage: python tests/contract/operator_contract.py --write")
    from tests.contract.operator_oracles import CONTRACT

    known = json.loads(GOLDEN.read_text()) if GOLDEN.is_file() else {}
    GOLDEN.write_text(json.dumps(renewed(known, CONTRACT), indent=1) + "\n")
