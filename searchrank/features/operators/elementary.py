"""Exponentials and logarithms of our own: the same bits on every processor and C library.

The functions work in float64 with + - * / and bit operations alone, within 1 to 2 ulp; the operators round
their result once to float32. Constants and methods are those of fdlibm (Sun Microsystems, 1993) and, for
``tanh``, Cephes. There is one path for all arguments, so that a loop over rows becomes vector code; special
values are put in by selection at the end.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from searchrank.features.inputs import Kind
from searchrank.features.operator import ROW_SLOTS, operator
from searchrank.native.kernel import inlined
from searchrank.native.memory import bits_of, double_of, floats_at, ints_at

__all__ = ["exp", "log", "log1p", "power", "tanh"]

_NAN: Final = math.nan
_INF: Final = math.inf
_ONE: Final = (Kind.NUMBER,)

# Adding this rounds a float64 below 2^51 to a whole number, which then stands in the low bits.
_ROUNDER: Final = 6755399441055744.0
_ROUNDER_BITS: Final = 0x4338000000000000
_LN2_HIGH: Final = 6.93147180369123816490e-01  # its last 20 bits are 0: times an exponent it is exact
_LN2_LOW: Final = 1.90821492927058770002e-10
_INVERSE_LN2: Final = 1.44269504088896338700
_SQRT_HALF_BITS: Final = 0x3FE6A09E667F3BCD
_SMALLEST_NORMAL: Final = 2.2250738585072014e-308


@inlined
def exp(x: float) -> float:
    """Return e to the power x (fdlibm's e_exp): 0 below -746, infinity above 709.78."""
    capped = min(710.0, max(-746.0, x))
    rounded = capped * _INVERSE_LN2 + _ROUNDER
    exponent = bits_of(rounded) - _ROUNDER_BITS
    whole = rounded - _ROUNDER
    high = capped - whole * _LN2_HIGH
    low = whole * _LN2_LOW
    r = high - low
    t = r * r
    series = 4.13813679705723846039e-08
    series = -1.65339022054652515390e-06 + t * series
    series = 6.61375632143793436117e-05 + t * series
    series = -2.77777777770155933842e-03 + t * series
    series = 1.66666666666666019037e-01 + t * series
    c = r - t * series
    fraction = 1.0 - ((low - (r * c) / (2.0 - c)) - high)
    half = exponent >> 1  # two steps, so that neither overflows before the result does
    scaled = fraction * double_of((half + 1023) << 52) * double_of((exponent - half + 1023) << 52)
    return _NAN if math.isnan(x) else scaled


@inlined
def _log_parts(x: float, correction: float) -> float:
    """Return log(x) + correction / x for a normal x > 0 (fdlibm's e_log)."""
    bits = bits_of(x)
    exponent = (bits - _SQRT_HALF_BITS) >> 52
    reduced = double_of(bits - (exponent << 52))  # in [sqrt(1/2), sqrt(2))
    whole = double_of(exponent + _ROUNDER_BITS) - _ROUNDER
    f = reduced - 1.0
    s = f / (2.0 + f)
    z = s * s
    series = 1.479819860511658591e-01
    series = 1.531383769920937332e-01 + z * series
    series = 1.818357216161805012e-01 + z * series
    series = 2.222219843214978396e-01 + z * series
    series = 2.857142874366239149e-01 + z * series
    series = 3.999999999940941908e-01 + z * series
    series = 6.666666666666735130e-01 + z * series
    half_square = 0.5 * f * f
    tail = s * (half_square + z * series) + (whole * _LN2_LOW + correction / x)
    return whole * _LN2_HIGH - ((half_square - tail) - f)


@inlined
def log(x: float) -> float:
    """Return the natural logarithm: -infinity at 0, NaN below."""
    regular = x > 0.0 and x < _INF
    normal = x if regular else 1.0
    tiny = normal < _SMALLEST_NORMAL
    scaled = normal * 18014398509481984.0 if tiny else normal
    result = _log_parts(scaled, 0.0) - (54.0 * _LN2_HIGH + 54.0 * _LN2_LOW if tiny else 0.0)
    edge = -_INF if x == 0.0 else (x if x == _INF else _NAN)
    return result if regular else edge


@inlined
def log1p(x: float) -> float:
    """Return log(1 + x) without losing small x: -infinity at -1, NaN below, x itself at both zeros."""
    regular = x > -1.0 and x < _INF
    safe = x if regular else 0.0
    u = 1.0 + safe
    added = u - 1.0
    lost = (1.0 - (u - added)) + (safe - added)  # u + lost is 1 + x exactly (Knuth's two-sum)
    result = _log_parts(u, lost)
    edge = -_INF if x == -1.0 else (x if x == _INF else _NAN)
    inside = result if safe != 0.0 else x
    return inside if regular else edge


@inlined
def power(x: float, y: float) -> float:
    """Return x to the power y as C99 has it, but NaN whenever either is NaN.

    Good to 2^-44, which is enough for float32 operands. A negative x needs a whole y, else NaN; 0 to a
    negative power is infinity; 1 for y = 0, and for x = 1.
    """
    size = abs(x)
    magnitude = exp(y * log(size))
    magnitude = 1.0 if y == 0.0 or size == 1.0 else magnitude
    small = y if abs(y) < 1073741824.0 else 0.0  # from 2^30 on every float32 is whole and even
    rounded = small + _ROUNDER
    is_whole = rounded - _ROUNDER == small
    is_odd = is_whole and (bits_of(rounded) & 1) != 0
    sign = -1.0 if bits_of(x) < 0 and is_odd else 1.0
    missing = math.isnan(x) or math.isnan(y)
    undefined = x < 0.0 and size < _INF and not is_whole
    return _NAN if missing or undefined else sign * magnitude


@inlined
def tanh(x: float) -> float:
    """Return the hyperbolic tangent; below 0.625 by a rational function (Cephes), which keeps both zeros."""
    z = x * x if abs(x) < 0.625 else 0.0
    above = (-9.64399179425052238628e-1 * z - 9.92877231001918586564e1) * z - 1.61468768441708447952e3
    below = ((z + 1.12811678491632931402e2) * z + 2.23548839060100448583e3) * z + 4.84406305325125486048e3
    near = x + x * z * (above / below) if z != 0.0 else x
    far = 1.0 - 2.0 / (exp(2.0 * abs(x)) + 1.0)
    far = -far if x < 0.0 else far
    return near if abs(x) < 0.625 else far


@operator("exp", _ONE, Kind.NUMBER)
def exp_kernel(n: int, p: int) -> None:
    """The power of e; infinity beyond float32."""
    row = ints_at(p, ROW_SLOTS)
    out, a = floats_at(row[1], n), floats_at(row[2], n)
    for j in range(n):
        out[j] = np.float32(exp(np.float64(a[j])))


@operator("log", _ONE, Kind.NUMBER)
def log_kernel(n: int, p: int) -> None:
    """Natural logarithm; -infinity at 0, NaN below."""
    row = ints_at(p, ROW_SLOTS)
    out, a = floats_at(row[1], n), floats_at(row[2], n)
    for j in range(n):
        out[j] = np.float32(log(np.float64(a[j])))


@operator("log1p", _ONE, Kind.NUMBER)
def log1p_kernel(n: int, p: int) -> None:
    """Natural logarithm of 1 + a; -infinity at -1, NaN below."""
    row = ints_at(p, ROW_SLOTS)
    out, a = floats_at(row[1], n), floats_at(row[2], n)
    for j in range(n):
        out[j] = np.float32(log1p(np.float64(a[j])))


@operator("pow", (Kind.NUMBER, Kind.NUMBER), Kind.NUMBER)
def power_kernel(n: int, p: int) -> None:
    """First number to the power of the second; NaN for a negative one to a power that is not whole."""
    row = ints_at(p, ROW_SLOTS)
    out, a, b = floats_at(row[1], n), floats_at(row[2], n), floats_at(row[3], n)
    for j in range(n):
        out[j] = np.float32(power(np.float64(a[j]), np.float64(b[j])))


@operator("tanh", _ONE, Kind.NUMBER)
def tanh_kernel(n: int, p: int) -> None:
    """Hyperbolic tangent, from -1 to 1."""
    row = ints_at(p, ROW_SLOTS)
    out, a = floats_at(row[1], n), floats_at(row[2], n)
    for j in range(n):
        out[j] = np.float32(tanh(np.float64(a[j])))
