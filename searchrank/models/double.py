"""The operators of the feature language that scores may pass through, over float64 columns.

A feature is float32 because that is what models are trained on; a score is float64, and what is computed from it stays
float64 to the end. Each function means what the kernel of its name means, with one rounding less. Sums, products,
quotients, roots and comparisons are exact in IEEE 754 wherever they are computed; the others are our own kernels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from searchrank.models.kernels import double
from searchrank.native import address, compiled

__all__ = ["DOUBLE", "Doubles"]

Doubles = npt.NDArray[np.float64]


def _known(truth: npt.NDArray[np.bool_], *operands: Doubles) -> Doubles:
    """Return 1 and 0 for true and false, NaN where an operand is missing."""
    result = truth.astype(np.float64)
    for operand in operands:
        result = np.where(np.isnan(operand), np.nan, result)
    return result


def _divide(a: Doubles, b: Doubles) -> Doubles:
    return np.where(b == 0.0, np.nan, a / np.where(b == 0.0, 1.0, b))


def _minimum(a: Doubles, b: Doubles) -> Doubles:
    return np.where(np.isnan(b) | (b < a), b, a)


def _maximum(a: Doubles, b: Doubles) -> Doubles:
    return np.where(np.isnan(b) | (b > a), b, a)


def _clip(a: Doubles, low: float, high: float) -> Doubles:
    return np.where(a < low, low, np.where(a > high, high, a))


def _both(a: Doubles, b: Doubles) -> Doubles:
    unsettled = np.where(np.isnan(a) | np.isnan(b), np.nan, 1.0)
    return np.where((a == 0.0) | (b == 0.0), 0.0, unsettled)


def _either(a: Doubles, b: Doubles) -> Doubles:
    unsettled = np.where(np.isnan(a) | np.isnan(b), np.nan, 0.0)
    return np.where((np.abs(a) > 0.0) | (np.abs(b) > 0.0), 1.0, unsettled)


def _coalesce(a: Doubles, b: Doubles) -> Doubles:
    return np.where(np.isnan(a), b, a)


def _where(condition: Doubles, a: Doubles, b: Doubles) -> Doubles:
    return np.where(np.isnan(condition), np.nan, np.where(condition == 0.0, b, a))


def _kernel(function: Callable[..., None]) -> Callable[..., Doubles]:
    def call(*operands: Doubles) -> Doubles:
        columns = [np.ascontiguousarray(column) for column in np.broadcast_arrays(*operands)]
        out = np.empty(columns[0].shape, np.float64)
        compiled(function)(out.size, address(out), *(address(column) for column in columns))
        return out

    return call


DOUBLE: Final[dict[str, Callable[..., Doubles]]] = {
    "absolute": np.abs,
    "add": np.add,
    "both": _both,
    "clip": _clip,
    "coalesce": _coalesce,
    "divide": _divide,
    "either": _either,
    "equal": lambda a, b: _known(a == b, a, b),
    "exp": _kernel(double.exp),
    "floor": np.floor,
    "greater": lambda a, b: _known(a > b, a, b),
    "greater_equal": lambda a, b: _known(a >= b, a, b),
    "is_missing": lambda a: np.isnan(a).astype(np.float64),
    "less": lambda a, b: _known(a < b, a, b),
    "less_equal": lambda a, b: _known(a <= b, a, b),
    "log": _kernel(double.log),
    "log1p": _kernel(double.log1p),
    "maximum": _maximum,
    "minimum": _minimum,
    "multiply": np.multiply,
    "negate": np.negative,
    "negation": lambda a: _known(a == 0.0, a),
    "not_equal": lambda a, b: _known(a != b, a, b),
    "pow": _kernel(double.power),
    "sqrt": np.sqrt,
    "subtract": np.subtract,
    "tanh": _kernel(double.tanh),
    "where": _where,
}
"""By the operator's name; operands are float64 ``(n,)`` or scalars, then come the parameters."""
