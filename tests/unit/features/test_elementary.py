"""Our elementary functions in float64, as Python runs them; the contract test shows that kernels do the same."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from fractions import Fraction

import numpy as np
import pytest

from searchrank.features.operators import elementary, trigonometry

POINTS = 300
FLOAT32_MAX = 3.4028234663852886e38


def uniform(low: float, high: float) -> Iterator[float]:
    chance = random.Random(f"{low} {high}")  # noqa: S311 test points
    return (chance.uniform(low, high) for _ in range(POINTS))


def scaled(low: int, high: int) -> Iterator[float]:
    """Both signs, magnitudes from 2^low to 2^high."""
    chance = random.Random(f"{low}^{high}")  # noqa: S311 test points
    return (
        chance.choice((-1, 1)) * math.ldexp(1 + chance.random(), chance.randrange(low, high)) for _ in range(POINTS)
    )


def worst(ours: Callable[[float], float], oracle: Callable[[float], float], values: Iterator[float]) -> float:
    """Largest distance from the C library's value, itself within 1 ulp, in ulp."""
    pairs = [(ours(x), oracle(x)) for x in values]
    return max(abs(a - b) / math.ulp(b) for a, b in pairs)


@pytest.mark.parametrize(
    ("ours", "oracle", "values"),
    [
        (elementary.exp, math.exp, uniform(-745, 709.7)),
        (elementary.exp, math.exp, scaled(-60, 1)),
        (elementary.log, math.log, map(abs, scaled(-1074, 1023))),
        (elementary.log, math.log, uniform(0.4, 2.5)),
        (elementary.log1p, math.log1p, uniform(-0.999, 3)),
        (elementary.log1p, math.log1p, scaled(-1000, -1)),
        (elementary.log1p, math.log1p, map(abs, scaled(0, 1023))),
        (elementary.tanh, math.tanh, uniform(-3, 3)),
        (elementary.tanh, math.tanh, scaled(-1000, 5)),
        (trigonometry.sin, math.sin, uniform(-10, 10)),
        (trigonometry.sin, math.sin, scaled(-1000, 19)),
        (trigonometry.cos, math.cos, scaled(-30, 19)),
        (trigonometry.asin, math.asin, uniform(-1, 1)),
        (trigonometry.asin, math.asin, scaled(-1000, -1)),
    ],
)
def test_a_function_is_within_two_ulp_of_float64(
    ours: Callable[[float], float], oracle: Callable[[float], float], values: Iterator[float]
) -> None:
    assert worst(ours, oracle, values) <= 2


def test_angles_are_within_two_ulp_in_every_octant() -> None:
    pairs = zip(scaled(-20, 20), scaled(-19, 19), strict=True)
    assert max(abs(trigonometry.atan2(y, x) - math.atan2(y, x)) / math.ulp(math.atan2(y, x)) for y, x in pairs) <= 2


def test_powers_are_good_for_float32() -> None:
    for x, y in zip(map(abs, scaled(-20, 20)), uniform(-6, 6), strict=True):
        assert math.isclose(elementary.power(x, y), math.pow(x, y), rel_tol=2.0**-44)


def test_powers_that_a_float32_holds_are_exact_after_rounding() -> None:
    for base in range(2, 10):
        for exponent in range(8):
            assert np.float32(elementary.power(float(base), float(exponent))) == np.float32(base**exponent)
    assert np.float32(elementary.power(-3.0, 3.0)) == -27


@pytest.mark.parametrize(
    ("ours", "oracle"), [(trigonometry.sin, math.sin), (trigonometry.cos, math.cos)], ids=["sin", "cos"]
)
def test_huge_float32_angles_lose_nothing(ours: Callable[[float], float], oracle: Callable[[float], float]) -> None:
    for x in (float(np.float32(v)) for v in [*scaled(20, 128), FLOAT32_MAX, -FLOAT32_MAX, 1048577.0]):
        assert abs(ours(x) - oracle(x)) <= 0.01 * np.spacing(np.float32(abs(oracle(x))))


def test_the_float32_nearest_to_a_multiple_of_half_pi_keeps_its_sine() -> None:
    x = 16367173.0 * 2.0**72  # Muller, Elementary Functions, chapter 11: the worst case of binary32
    assert 0 < abs(math.cos(x)) < 1e-8
    assert math.isclose(trigonometry.cos(x), math.cos(x), rel_tol=2.0**-26)


def test_digits_of_two_over_pi_are_right() -> None:
    numerator = Fraction(trigonometry._TWO_BY_PI_DIGITS, 2**192)
    # pi to 70 decimals
    pi = Fraction(31415926535897932384626433832795028841971693993751058209749445923078164, 10**70)
    assert abs(numerator * pi / 2 - 1) < Fraction(1, 2**188)


@pytest.mark.parametrize(
    ("ours", "pairs"),
    [
        (elementary.exp, {-math.inf: 0.0, math.inf: math.inf, 0.0: 1.0, -746.0: 0.0, 710.0: math.inf}),
        (elementary.log, {-0.0: -math.inf, math.inf: math.inf, 1.0: 0.0, 5e-324: math.log(5e-324)}),
        (elementary.log1p, {-1.0: -math.inf, math.inf: math.inf, 5e-324: 5e-324}),
        (elementary.tanh, {-math.inf: -1.0, math.inf: 1.0, 5e-324: 5e-324}),
        (trigonometry.asin, {1.0: math.pi / 2, -1.0: -math.pi / 2}),
    ],
)
def test_special_values_are_those_of_c99(ours: Callable[[float], float], pairs: dict[float, float]) -> None:
    assert {x: ours(x) for x in pairs} == pairs


@pytest.mark.parametrize(
    ("ours", "values"),
    [
        (elementary.exp, [math.nan]),
        (elementary.log, [math.nan, -1.0, -math.inf, -5e-324]),
        (elementary.log1p, [math.nan, -1.5, -math.inf]),
        (elementary.tanh, [math.nan]),
        (trigonometry.sin, [math.nan, math.inf, -math.inf, 2.0**128]),
        (trigonometry.cos, [math.nan, math.inf, -math.inf, 2.0**128]),
        (trigonometry.asin, [math.nan, 1.0000000000000002, -math.inf]),
    ],
)
def test_what_has_no_value_is_nan(ours: Callable[[float], float], values: list[float]) -> None:
    assert all(math.isnan(ours(x)) for x in values)


@pytest.mark.parametrize("y", [0.0, 1.5, 1.0, 2.0, 3.0, -1.0, -2.0, -3.0, -1.5, math.inf, -math.inf, 1e30])
@pytest.mark.parametrize("x", [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, math.inf, -math.inf])
def test_special_powers_are_those_of_numpy(x: float, y: float) -> None:
    with np.errstate(all="ignore"):
        want = float(np.power(np.float64(x), np.float64(y)))
    got = elementary.power(x, y)
    assert math.isnan(got) if math.isnan(want) else math.isclose(got, want, rel_tol=1e-13)
    assert math.isnan(want) or math.copysign(1, got) == math.copysign(1, want)


@pytest.mark.parametrize("x", [0.0, -0.0, math.inf, -math.inf, 1.0, -1.0])
@pytest.mark.parametrize("y", [0.0, -0.0, math.inf, -math.inf, 1.0, -1.0])
def test_special_angles_are_those_of_the_c_library(y: float, x: float) -> None:
    got, want = trigonometry.atan2(y, x), math.atan2(y, x)
    assert got == want
    assert math.copysign(1, got) == math.copysign(1, want)


def test_near_functions_are_the_same_ones() -> None:
    for x in scaled(-30, 19):
        assert (trigonometry.near_sin(x), trigonometry.near_cos(x)) == (trigonometry.sin(x), trigonometry.cos(x))
