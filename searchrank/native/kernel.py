"""What a kernel is before it is compiled: a function of int64s, registered under a name.

A kernel takes int64 arguments (numbers, or addresses to be looked at through ``searchrank.native.memory``), returns
nothing and raises nothing. It may use + - * / and sqrt, comparisons, integer arithmetic and functions marked
``@inlined``; nothing else that rounds, so that its bits depend on the values alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

__all__ = ["INLINED", "KERNELS", "Kernel", "inlined", "kernel"]

Function = TypeVar("Function", bound=Callable[..., object])


@dataclass(frozen=True, slots=True)
class Kernel:
    """A registered kernel.

    Attributes:
        name: Unique name, by which ``Library`` finds its address.
        function: The Python source of truth.
        arity: Number of int64 arguments.
    """

    name: str
    function: Callable[..., None]
    arity: int


KERNELS: dict[str, Kernel] = {}
INLINED: list[Callable[..., object]] = []


def kernel(function: Callable[..., None]) -> Callable[..., None]:
    """Register a function to be compiled under its module and name.

    Raises:
        ValueError: When the name is taken.
    """
    name = f"{function.__module__}.{function.__qualname__}"
    if name in KERNELS:
        raise ValueError(f"kernel {name} is defined twice")
    KERNELS[name] = Kernel(name, function, function.__code__.co_argcount)
    return function


def inlined(function: Function) -> Function:
    """Let kernels call a function; it is compiled into each of its callers."""
    INLINED.append(function)
    return function
