"""Exponentials and logarithms of float64 columns, for what is computed from scores: the same bits everywhere."""

from __future__ import annotations

from searchrank.features.operators import elementary
from searchrank.native import kernel
from searchrank.native.memory import doubles_at

__all__ = ["exp", "log", "log1p", "power", "tanh"]


@kernel
def exp(n: int, out_at: int, a_at: int) -> None:
    """The power of e."""
    out, a = doubles_at(out_at, n), doubles_at(a_at, n)
    for j in range(n):
        out[j] = elementary.exp(a[j])


@kernel
def log(n: int, out_at: int, a_at: int) -> None:
    """Natural logarithm."""
    out, a = doubles_at(out_at, n), doubles_at(a_at, n)
    for j in range(n):
        out[j] = elementary.log(a[j])


@kernel
def log1p(n: int, out_at: int, a_at: int) -> None:
    """Natural logarithm of 1 + a."""
    out, a = doubles_at(out_at, n), doubles_at(a_at, n)
    for j in range(n):
        out[j] = elementary.log1p(a[j])


@kernel
def tanh(n: int, out_at: int, a_at: int) -> None:
    """Hyperbolic tangent."""
    out, a = doubles_at(out_at, n), doubles_at(a_at, n)
    for j in range(n):
        out[j] = elementary.tanh(a[j])


@kernel
def power(n: int, out_at: int, a_at: int, b_at: int) -> None:
    """First number to the power of the second."""
    out, a, b = doubles_at(out_at, n), doubles_at(a_at, n), doubles_at(b_at, n)
    for j in range(n):
        out[j] = elementary.power(a[j], b[j])
