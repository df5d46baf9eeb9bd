"""Angles in radians, by functions of our own: the same bits on every processor and C library.

As in ``elementary``, functions work in float64 within 1 to 2 ulp and operators round once. Polynomials are
those of fdlibm (Sun Microsystems, 1993).
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from searchrank.features.inputs import Kind
from searchrank.features.operator import ROW_SLOTS, operator
from searchrank.native.kernel import inlined
from searchrank.native.memory import bits_of, floats_at, ints_at, square_root

__all__ = ["asin", "atan2", "cos", "near_cos", "near_sin", "sin"]

_NAN: Final = math.nan
_INF: Final = math.inf
_ONE: Final = (Kind.NUMBER,)

_ROUNDER: Final = 6755399441055744.0  # see elementary
_ROUNDER_BITS: Final = 0x4338000000000000
_NEAR: Final = 1048576.0  # up to 2^20 a quarter turn times its number is exact in the parts below
_FAR: Final = 3.4028236692093846e38  # 2^128
_TWO_BY_PI: Final = 6.36619772367581382433e-01
_QUARTER_1: Final = 1.57079632673412561417e00  # pi/2, first 33 bits
_QUARTER_2: Final = 6.07710050630396597660e-11  # the next 33
_QUARTER_3: Final = 2.02226624879595063154e-21  # the rest
_HALF_PI: Final = 1.57079632679489655800e00
_HALF_PI_LOW: Final = 6.12323399573676603587e-17
_FIXED_POINT: Final = _HALF_PI / 2**60

# The binary digits of 2/pi, as 24 overlapping words that each start a byte later.
_TWO_BY_PI_DIGITS: Final = 0xA2F9836E4E441529FC2757D1F534DDC0DB6295993C439041
_WORDS: Final = np.array([(_TWO_BY_PI_DIGITS >> (184 - 8 * i)) & 0xFFFFFFFF for i in range(24)], dtype=np.int64)


@inlined
def _reduce_near(x: float) -> tuple[int, float, float]:
    """Return (quarter turns, rest, its low part) for ``|x| <= 2^20``: to 118 bits (Cody and Waite)."""
    rounded = x * _TWO_BY_PI + _ROUNDER
    turns = rounded - _ROUNDER
    first = x - turns * _QUARTER_1
    second = turns * _QUARTER_2
    rest = first - second
    lost = turns * _QUARTER_3 - ((first - rest) - second)
    high = rest - lost
    return bits_of(rounded) - _ROUNDER_BITS, high, (rest - high) - lost


@inlined
def _reduce_far(x: float) -> tuple[int, float, float]:
    """Return the same for a float32 value x from 2^20 to 2^128 by integer digits of 2/pi (Payne and Hanek).

    Only the leading 24 bits of x are read; the rest is right to 2^-60, some 2^-30 of it at worst.
    """
    bits = bits_of(abs(x))
    exponent = (bits >> 52) - 896  # biased as float32 has it
    mantissa = (((bits >> 29) & 0x7FFFFF) | 0x800000) << (exponent & 7)
    word = (exponent >> 3) & 15
    fixed = ((mantissa * _WORDS[word]) & 0xFFFFFFFF) << 30
    fixed += (mantissa * _WORDS[word + 4]) >> 2
    fixed += (mantissa * _WORDS[word + 8]) >> 34
    fixed &= 0x3FFFFFFFFFFFFFFF  # in 2^-60 quarter turns, whole turns dropped
    turns = (fixed + (1 << 59)) >> 60
    rest = float(fixed - (turns << 60)) * _FIXED_POINT
    return (-turns, -rest, 0.0) if x < 0.0 else (turns, rest, 0.0)


@inlined
def _sine(x: float, low: float) -> float:
    """Return sin(x + low) for ``|x| <= pi/4`` (fdlibm's k_sin)."""
    z = x * x
    v = z * x
    series = -2.50507602534068634195e-08 + z * 1.58969099521155010221e-10
    series = 2.75573137070700676789e-06 + z * series
    series = -1.98412698298579493134e-04 + z * series
    series = 8.33333333332248946124e-03 + z * series
    return x - ((z * (0.5 * low - v * series) - low) - v * -1.66666666666666324348e-01)


@inlined
def _cosine(x: float, low: float) -> float:
    """Return cos(x + low) for ``|x| <= pi/4`` (fdlibm's k_cos)."""
    z = x * x
    series = 2.08757232129817482790e-09 + z * -1.13596475577881948265e-11
    series = -2.75573143513906633035e-07 + z * series
    series = 2.48015872894767294178e-05 + z * series
    series = -1.38888888888741095749e-03 + z * series
    series = 4.16666666666666019037e-02 + z * series
    half = 0.5 * z
    w = 1.0 - half
    return w + (((1.0 - w) - half) + (z * (z * series) - x * low))


@inlined
def _turned(turns: int, high: float, low: float) -> float:
    """Return sin(high + low + turns quarter turns)."""
    value = _cosine(high, low) if turns & 1 else _sine(high, low)
    return -value if turns & 2 else value


@inlined
def near_sin(x: float) -> float:
    """Return the sine of x radians for ``|x| <= 2^20`` alone, in vector code."""
    turns, high, low = _reduce_near(x)
    return _turned(turns, high, low)


@inlined
def near_cos(x: float) -> float:
    """Return the cosine of x radians for ``|x| <= 2^20`` alone, in vector code."""
    turns, high, low = _reduce_near(x)
    return _turned(turns + 1, high, low)


@inlined
def _reduce(x: float) -> tuple[int, float, float]:
    """Return (quarter turns, rest, its low part) for any finite x below 2^128."""
    return _reduce_near(x) if abs(x) <= _NEAR else _reduce_far(x)


@inlined
def sin(x: float) -> float:
    """Return the sine of x radians.

    Any float64 up to 2^20; beyond, x must be a float32 value (its leading 24 bits are read); NaN from 2^128.
    """
    turns, high, low = _reduce(x if abs(x) < _FAR else 0.0)
    return _turned(turns, high, low) if abs(x) < _FAR else _NAN


@inlined
def cos(x: float) -> float:
    """Return the cosine of x radians, with the contract of ``sin``."""
    turns, high, low = _reduce(x if abs(x) < _FAR else 0.0)
    return _turned(turns + 1, high, low) if abs(x) < _FAR else _NAN


@inlined
def asin(x: float) -> float:
    """Return the angle in [-pi/2, pi/2] whose sine is x (fdlibm's e_asin); NaN beyond -1 to 1."""
    size = abs(x)
    regular = size <= 1.0
    size = size if regular else 0.0
    small = size < 0.5
    z = size * size if small else (1.0 - size) * 0.5
    above = 3.47933107596021167570e-05
    above = 7.91534994289814532176e-04 + z * above
    above = -4.00555345006794114027e-02 + z * above
    above = 2.01212532134862925881e-01 + z * above
    above = -3.25565818622400915405e-01 + z * above
    above = 1.66666666666666657415e-01 + z * above
    below = -6.88283971605453293030e-01 + z * 7.70381505559019352791e-02
    below = 2.02094576023350569471e00 + z * below
    below = -2.40339491173441421878e00 + z * below
    curve = z * above / (1.0 + z * below)
    root = square_root(z)
    angle = size + size * curve if small else _HALF_PI - (2.0 * (root + root * curve) - _HALF_PI_LOW)
    angle = -angle if bits_of(x) < 0 else angle
    return angle if regular else _NAN


@inlined
def _arc(low: float, high: float) -> float:
    """Return atan(low / high) for ``0 <= low <= high``, ``high > 0`` (polynomial of fdlibm's s_atan)."""
    beyond = low > 0.41421356237309503 * high  # tan(pi/8): measured from pi/4 instead
    t = (low - high) / (low + high) if beyond else low / high
    z = t * t
    w = z * z
    odd = 4.97687799461593236017e-02 + w * 1.62858201153657823623e-02
    odd = 6.66107313738753120669e-02 + w * odd
    odd = 9.09088713343650656196e-02 + w * odd
    odd = 1.42857142725034663711e-01 + w * odd
    odd = 3.33333333333329318027e-01 + w * odd
    even = -5.83357013379057348645e-02 + w * -3.65315727442169155270e-02
    even = -7.69187620504482999495e-02 + w * even
    even = -1.11111104054623557880e-01 + w * even
    even = -1.99999999998764832476e-01 + w * even
    bend = t * (z * odd + w * even)
    return 0.5 * _HALF_PI - ((bend - 0.5 * _HALF_PI_LOW) - t) if beyond else t - bend


@inlined
def atan2(y: float, x: float) -> float:
    """Return the angle of the point (x, y) from the x axis, -pi to pi; zeros and infinities as in C99."""
    low, high = min(abs(x), abs(y)), max(abs(x), abs(y))
    equal = low == high  # also two zeros and two infinities
    angle = _arc(1.0 if equal else low, 1.0 if equal else high)
    angle = 0.0 if high == 0.0 else angle
    right = _HALF_PI - (angle - _HALF_PI_LOW) if abs(y) > abs(x) else angle
    left = _HALF_PI + (angle + _HALF_PI_LOW) if abs(y) > abs(x) else 2.0 * _HALF_PI - (angle - 2.0 * _HALF_PI_LOW)
    angle = left if bits_of(x) < 0 else right
    angle = -angle if bits_of(y) < 0 else angle
    return _NAN if math.isnan(x) or math.isnan(y) else angle


@operator("sin", _ONE, Kind.NUMBER)
def sin_kernel(n: int, p: int) -> None:
    """Sine of an angle in radians; NaN for infinities."""
    row = ints_at(p, ROW_SLOTS)
    out, a = floats_at(row[1], n), floats_at(row[2], n)
    for j in range(n):
        out[j] = np.float32(sin(np.float64(a[j])))


@operator("cos", _ONE, Kind.NUMBER)
def cos_kernel(n: int, p: int) -> None:
    """Cosine of an angle in radians; NaN for infinities."""
    row = ints_at(p, ROW_SLOTS)
    out, a = floats_at(row[1], n), floats_at(row[2], n)
    for j in range(n):
        out[j] = np.float32(cos(np.float64(a[j])))


@operator("asin", _ONE, Kind.NUMBER)
def asin_kernel(n: int, p: int) -> None:
    """Angle in radians, -pi/2 to pi/2, that has this sine; NaN beyond -1 to 1."""
    row = ints_at(p, ROW_SLOTS)
    out, a = floats_at(row[1], n), floats_at(row[2], n)
    for j in range(n):
        out[j] = np.float32(asin(np.float64(a[j])))


@operator("atan2", (Kind.NUMBER, Kind.NUMBER), Kind.NUMBER)
def atan2_kernel(n: int, p: int) -> None:
    """Angle in radians of the point (x, y), given as y, x; NaN if either is NaN."""
    row = ints_at(p, ROW_SLOTS)
    out, y, x = floats_at(row[1], n), floats_at(row[2], n), floats_at(row[3], n)
    for j in range(n):
        out[j] = np.float32(atan2(np.float64(y[j]), np.float64(x[j])))
