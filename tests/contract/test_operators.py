"""Every operator against its oracle, its documented edges, and its golden bytes."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from searchrank.features.inputs import MISSING_TIME, Kind
from searchrank.features.operator import OPERATORS, Operator
from searchrank.features.text import hash_text
from tests.contract.operator_contract import (
    GOLDEN,
    Cells,
    Column,
    cut,
    differences,
    digest,
    expected,
    operands_of,
    renewed,
    run_operator,
    signatures,
    ulps,
)
from tests.contract.operator_oracles import CONTRACT, zone_of

every_signature = pytest.mark.parametrize("operator", signatures(), ids=lambda o: o.signature)
NAN = math.nan
INF = math.inf


def find(name: str, *kinds: Kind) -> Operator:
    return next(o for o in OPERATORS[name] if not kinds or o.operands == kinds)


def apply(name: str, *operands: Sequence[float], **parameters: object) -> list[float]:
    """Run a signature of dense operands on lists."""
    operator = find(name)
    kinds = {Kind.NUMBER: np.float32}
    columns: list[Column] = [
        np.array(o, dtype=kinds.get(k, np.int64)) for o, k in zip(operands, operator.operands, strict=True)
    ]
    return run_operator(operator, columns, parameters, len(operands[0])).tolist()


def test_every_registered_signature_has_a_row_and_every_row_a_signature() -> None:
    assert sorted(o.signature for o in signatures()) == sorted(CONTRACT)


@every_signature
@pytest.mark.parametrize("n", [0, 1, 7, 1000])
def test_a_kernel_agrees_with_its_oracle_to_one_ulp(operator: Operator, n: int) -> None:
    assert differences(operator, CONTRACT[operator.signature], seed=n + 1, n=n) == []


@pytest.mark.parametrize("operator", [o for o in signatures() if o.result is Kind.NUMBER], ids=lambda o: o.signature)
def test_results_are_nearly_always_those_of_a_single_rounding(operator: Operator) -> None:
    row = CONTRACT[operator.signature]
    operands = operands_of(operator, row, 99, 2000)
    apart = ulps(run_operator(operator, operands, row.parameters, 2000), expected(operator, row, operands, 2000))
    assert np.count_nonzero(apart) <= 1


@every_signature
def test_blocks_of_any_size_give_the_same_bits(operator: Operator) -> None:
    row, n = CONTRACT[operator.signature], 300
    operands = operands_of(operator, row, 5, n)
    whole = run_operator(operator, operands, row.parameters, n).tobytes()
    for size in (1, 7, 100):
        parts = [
            run_operator(operator, [cut(o, i, i + size) for o in operands], row.parameters, min(size, n - i))
            for i in range(0, n, size)
        ]
        assert np.concatenate(parts).tobytes() == whole


@every_signature
def test_bytes_change_only_with_a_revision(operator: Operator) -> None:
    golden = json.loads(GOLDEN.read_text())[operator.signature]
    assert golden == {
        "revision": operator.revision,
        "sha256": digest(operator, CONTRACT[operator.signature]),
    }, "raise the revision, then run python tests/contract/operator_contract.py --write"


def test_renewing_the_golden_file_keeps_what_has_its_revision() -> None:
    stored = json.loads(GOLDEN.read_text())
    kept, raised = "add(number, number) -> number", "exp(number) -> number"
    stored[kept]["sha256"] = "wrong on purpose"
    stored[raised] = {"revision": 0, "sha256": "old"}
    entries = renewed(stored, CONTRACT)
    assert entries[kept]["sha256"] == "wrong on purpose"
    assert entries[raised] == json.loads(GOLDEN.read_text())[raised]


def test_the_oracle_finds_a_wrong_kernel() -> None:
    row = CONTRACT["subtract(number, number) -> number"]
    assert differences(find("add"), row, seed=1, n=50) != []


@pytest.mark.parametrize("name", ["exp", "log", "log1p", "tanh", "sin", "cos", "sqrt", "floor", "asin"])
@given(st.lists(st.floats(width=32), min_size=1, max_size=8))
@settings(max_examples=100, deadline=None)
def test_one_number_functions_hold_for_any_float(name: str, values: list[float]) -> None:
    operator, column = find(name), np.array(values, dtype=np.float32)
    row = CONTRACT[operator.signature]
    want = expected(operator, row, [column], len(values))
    assert ulps(run_operator(operator, [column], {}, len(values)), want).max() <= 1


@given(st.lists(st.tuples(st.floats(width=32), st.floats(width=32)), min_size=1, max_size=8))
@settings(max_examples=200, deadline=None)
def test_power_and_angle_hold_for_any_pair(pairs: list[tuple[float, float]]) -> None:
    columns: list[Column] = [np.array(side, dtype=np.float32) for side in zip(*pairs, strict=True)]
    for name in ("pow", "atan2"):
        operator = find(name)
        want = expected(operator, CONTRACT[operator.signature], columns, len(pairs))
        assert ulps(run_operator(operator, columns, {}, len(pairs)), want).max() <= 1


def signs(values: list[float]) -> list[float]:
    return [math.copysign(1, v) for v in values]


def test_zeros_keep_the_sign_that_is_documented() -> None:
    assert signs(apply("floor", [-0.0, 0.0, 0.5])) == [1, 1, 1]
    assert signs(apply("minimum", [0.0, -0.0], [-0.0, 0.0])) == [1, -1]
    assert signs(apply("maximum", [0.0, -0.0], [-0.0, 0.0])) == [1, -1]
    for name in ("sin", "tanh", "log1p", "asin", "sqrt"):
        assert signs(apply(name, [-0.0, 0.0])) == [-1, 1]
    assert signs(apply("atan2", [-0.0, 0.0], [1.0, 1.0])) == [-1, 1]
    assert apply("atan2", [-0.0, 0.0], [-0.0, -0.0]) == [np.float32(-math.pi), np.float32(math.pi)]
    assert signs(apply("pow", [-0.0, -0.0], [3.0, 2.0])) == [-1, 1]


def test_a_zero_divisor_gives_nan() -> None:
    for name in ("divide", "ratio"):
        assert np.isnan(apply(name, [1.0, 0.0, -1.0], [0.0, 0.0, -0.0])).all()
    assert np.isnan(apply("smooth_ratio", [1.0], [-20.0], prior=0.1, strength=20)).all()


def test_power_is_missing_whenever_an_operand_is() -> None:
    assert np.isnan(apply("pow", [1.0, NAN], [NAN, 0.0])).all()


def test_an_edge_belongs_to_the_bucket_below_it_even_when_it_is_no_float32() -> None:
    edge = 0.1  # the nearest float32 is above it
    below, above = np.float32(np.nextafter(np.float32(0.1), np.float32(0))), np.float32(0.1)
    assert apply("bucket", [float(below), float(above)], edges=[edge]) == [0, 1]
    assert apply("bucket", [1.0, 2.0, 2.5], edges=[1, 2]) == [0, 1, 2]


def test_a_thousand_edges_are_counted() -> None:
    edges = tuple(range(1000))
    assert apply("bucket", [-1.0, 0.5, 998.5, 2000.0], edges=edges) == [0, 1, 999, 1000]


def test_buckets_of_hashes_never_move() -> None:
    names = [hash_text(name) for name in ("cafe", "火锅", "bar")]
    assert apply("hash_bucket", names, buckets=1000) == [906, 279, 302]
    assert np.isnan(apply("hash_bucket", [0], buckets=1000)).all()
    many = np.arange(1, 20_001) * np.int64(-7046029254386353131)
    counts = np.bincount(np.array(apply("hash_bucket", many.tolist(), buckets=10), dtype=np.int64), minlength=10)
    assert abs(counts - 2000).max() < 250  # six standard deviations


def test_a_cross_depends_on_the_order_and_is_never_missing_by_chance() -> None:
    a, b = [hash_text("cafe")], [hash_text("shanghai")]
    assert apply("cross", a, b) != apply("cross", b, a)
    assert apply("cross", a, [0]) == [0]
    # The pair whose mix is 0: the second hash undoes the first.
    z = a[0] * 0x9E3779B97F4A7C15 % 2**64
    partner = z ^ z >> 30
    assert apply("cross", a, [partner - 2**64 if partner >> 63 else partner]) == [1]


def test_the_same_place_is_0_km_away_and_the_antipode_half_the_circumference() -> None:
    operator, rows = find("haversine_km"), np.zeros(1, dtype=np.int64)
    home, other = Cells(np.array([[31.2, 121.5]]), rows), Cells(np.array([[-31.2, -58.5]]), rows)
    assert run_operator(operator, [home, home], {}, 1).tolist() == [0]
    assert run_operator(operator, [home, other], {}, 1).tolist() == [np.float32(math.pi * 6371.0088)]


@pytest.mark.parametrize("zone", ["America/New_York", "Europe/London", "Australia/Lord_Howe", "Africa/Monrovia"])
def test_local_hours_are_those_of_the_zone_at_and_around_each_change(zone: str) -> None:
    prepare = find("hour_of_day").parameters[0].prepare
    table = np.asarray(prepare(zone))
    changes = table[1 : len(table) // 2]
    moments = np.sort(np.concatenate([changes - 1, changes, np.arange(0, 4 * 10**15, 10**13 + 7)]))
    local = [datetime.fromtimestamp(int(m) // 10**6, UTC).astimezone(zone_of(zone)) for m in moments]
    assert apply("hour_of_day", moments.tolist(), zone=zone) == [m.hour for m in local]
    assert apply("day_of_week", moments.tolist(), zone=zone) == [m.weekday() for m in local]


def test_time_before_1970_counts_on() -> None:
    assert apply("hour_of_day", [-1, -3_600_000_001]) == [23, 22]
    assert apply("day_of_week", [-1, 0]) == [2, 3]
    assert np.isnan(apply("hour_of_day", [MISSING_TIME])).all()


def test_an_empty_vocabulary_knows_nothing() -> None:
    empty = np.empty(0, dtype=np.int64)
    assert apply("vocabulary", [0, 5], keys=empty, codes=empty) == [0, 1]


REFUSED: Mapping[str, tuple[str, str, object, str]] = {
    "edges that descend": ("bucket", "edges", (2, 1), "ascend"),
    "edges that repeat": ("bucketize", "edges", (1, 1), "ascend"),
    "no edges": ("bucket", "edges", (), "1 to 65,536 edges"),
    "an infinite edge": ("bucket", "edges", (1, INF), "finite"),
    "a text among edges": ("bucket", "edges", ("a",), "must be a number, not 'a'"),
    "no buckets": ("hash_bucket", "buckets", 0, "whole number from 1 to 16777216"),
    "half a bucket": ("hash_bucket", "buckets", 1.5, "whole number"),
    "too many buckets": ("hash_bucket", "buckets", 2**24 + 1, "whole number"),
    "a truth value": ("hash_bucket", "buckets", True, "must be a number"),
    "a huge whole number": ("clip", "low", 10**400, "finite"),
    "no strength": ("smooth_ratio", "strength", 0, "greater than 0"),
    "a NaN prior": ("smooth_ratio", "prior", NAN, "finite"),
    "a scale of 0": ("standardize", "scale", 0.0, "greater than 0"),
    "a misspelt zone": ("hour_of_day", "zone", "Asia/Shanghei", "did you mean 'Asia/Shanghai'"),
    "a path as zone": ("hour_of_day", "zone", "../../etc/passwd", "no zone"),
    "a number as zone": ("day_of_week", "zone", 8, "must name a zone"),
    "keys that descend": ("vocabulary", "keys", np.array([2, 1]), "ascend"),
    "keys that are no hashes": ("vocabulary", "keys", np.array([1.5]), "hashes"),
    "a code of the missing": ("vocabulary", "codes", np.array([0.0]), "from 2 to 2"),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED.keys())
def test_a_wrong_constant_is_refused_with_its_reason(case: tuple[str, str, object, str]) -> None:
    name, parameter, literal, reason = case
    prepare = next(p.prepare for p in find(name).parameters if p.name == parameter)
    with pytest.raises(ValueError, match=reason):
        prepare(literal)


@every_signature
def test_prepared_constants_are_what_kernels_read(operator: Operator) -> None:
    for parameter in operator.parameters:
        literal = CONTRACT[operator.signature].parameters.get(parameter.name, parameter.default)
        value = parameter.prepare(literal)
        if parameter.array:
            assert isinstance(value, np.ndarray)
            assert value.flags.c_contiguous
            assert value.dtype in {np.dtype(np.float32), np.dtype(np.int64), np.dtype(np.float64)}
        else:
            assert type(value) is float
