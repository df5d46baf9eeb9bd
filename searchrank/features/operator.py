"""What an operator is: a typed, pure function over whole columns, with a revision that enters the fingerprint.

A kernel gets ``(n, p)``: ``n`` rows and the address ``p`` of its *operand row* of ``ROW_SLOTS`` int64 slots::

    [0]  address of the kernel
    [1]  address of the output column (float32 for a number, int64 for a category or a time)
    [2…] the operands in order, then the parameters in order

A number, category or time operand takes one slot: the address of a dense column. A point, vector, list or map takes
three: base address, stride in bytes, address of ``n`` int64 row numbers; the cell of row j lies at
``base + rows[j] * stride``. A scalar parameter takes one slot (the bits of a float64), an array parameter two
(address, length in elements). A vector operand is followed by nothing: its size is the operator's last slot,
``p[ROW_SLOTS - 1]``, as is the limit of a map.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from searchrank.features.inputs import Kind
from searchrank.native import kernel

__all__ = ["OPERATORS", "ROW_SLOTS", "SIZE_SLOT", "Literal", "Operator", "Parameter", "operator", "slots_of"]

ROW_SLOTS: Final = 16
SIZE_SLOT: Final = 15

Literal = float | str | tuple[float, ...]
Array = npt.NDArray[np.float64] | npt.NDArray[np.int64] | npt.NDArray[np.float32]

_WIDE: Final = frozenset({Kind.POINT, Kind.VECTOR, Kind.LIST, Kind.MAP})


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A constant that a definition gives an operator, by position after the operands or by name.

    Attributes:
        name: Keyword in the definition.
        default: Value when left out; None means it must be given.
        prepare: Turns the literal into the float64 (scalar) or array the kernel reads; raises ValueError with a
            message for people when the literal is wrong.
        array: Whether ``prepare`` gives an array.
    """

    name: str
    default: Literal | None = None
    prepare: Callable[[Any], float | Array]
    array: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """One signature of one operator.

    Attributes:
        name: Word in the definition.
        operands: Kinds of the operands; vectors must agree in size.
        result: Kind of the result: number, category or time.
        parameters: Constants after the operands.
        revision: Changes whenever any output bit changes for any input.
        function: The kernel.
        fitted: Whether it is a model's transform, whose parameters are fitted state and not written in text.
        truth: Whether the result is a truth: 1, 0, or NaN for unknown.
        check: Raises ValueError when the prepared parameters do not go together.
    """

    name: str
    operands: tuple[Kind, ...]
    result: Kind
    parameters: tuple[Parameter, ...]
    revision: int
    function: Callable[..., None]
    fitted: bool
    truth: bool
    check: Callable[..., None] | None

    @property
    def signature(self) -> str:
        """The signature as people read it: ``smooth_ratio(number, number, prior=, strength=) -> number``."""
        words = [*self.operands, *(f"{p.name}=" for p in self.parameters)]
        return f"{self.name}({', '.join(words)}) -> {self.result}"

    @property
    def summary(self) -> str:
        """First line of the kernel's docstring."""
        return (self.function.__doc__ or "").strip().split("\n", 1)[0]


OPERATORS: dict[str, list[Operator]] = {}


def slots_of(kind: Kind) -> int:
    """Return how many operand slots a value of this kind takes."""
    return 3 if kind in _WIDE else 1


def operator(  # noqa: PLR0913 (the fields of Operator)
    name: str,
    operands: Sequence[Kind],
    result: Kind,
    *,
    parameters: Sequence[Parameter] = (),
    revision: int = 1,
    fitted: bool = False,
    truth: bool = False,
    check: Callable[..., None] | None = None,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a kernel as one signature of the operator ``name``.

    Raises:
        ValueError: When the signature needs more slots than a row has, or is defined twice.
    """
    used = 2 + sum(map(slots_of, operands)) + sum(2 if p.array else 1 for p in parameters)
    if used > SIZE_SLOT:
        raise ValueError(f"operator {name} needs {used} slots, a row has {SIZE_SLOT}")

    def register(function: Callable[..., None]) -> Callable[..., None]:
        signatures = OPERATORS.setdefault(name, [])
        if any(s.operands == tuple(operands) for s in signatures):
            raise ValueError(f"operator {name} is defined twice for {list(operands)}")
        signatures.append(
            Operator(
                name=name,
                operands=tuple(operands),
                result=result,
                parameters=tuple(parameters),
                revision=revision,
                function=kernel(function),
                fitted=fitted,
                truth=truth,
                check=check,
            )
        )
        return function

    return register
