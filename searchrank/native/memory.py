"""The few things a kernel may do with memory: look at an address as an array, move bits between types.

These are plain Python functions so that kernel modules import in a millisecond and can be read and typed; ``build``
gives numba their compiled meaning. Called from Python they do the same, slowly.
"""

from __future__ import annotations

import ctypes
import math
import struct
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "bits_of",
    "bytes_at",
    "call_kernel",
    "double_of",
    "doubles_at",
    "floats_at",
    "ints_at",
    "shorts_at",
    "square_root",
    "words_at",
]


def _view(address: int, count: int, kind: Any) -> npt.NDArray[Any]:
    if count <= 0:
        return np.empty(0, dtype=kind)
    size = count * np.dtype(kind).itemsize
    return np.frombuffer((ctypes.c_char * size).from_address(int(address)), dtype=kind)


def floats_at(address: int, count: int) -> npt.NDArray[np.float32]:
    """Return ``count`` float32 values at an address."""
    return _view(address, count, np.float32)


def doubles_at(address: int, count: int) -> npt.NDArray[np.float64]:
    """Return ``count`` float64 values at an address."""
    return _view(address, count, np.float64)


def ints_at(address: int, count: int) -> npt.NDArray[np.int64]:
    """Return ``count`` int64 values at an address."""
    return _view(address, count, np.int64)


def shorts_at(address: int, count: int) -> npt.NDArray[np.int32]:
    """Return ``count`` int32 values at an address."""
    return _view(address, count, np.int32)


def words_at(address: int, count: int) -> npt.NDArray[np.uint32]:
    """Return ``count`` uint32 values at an address: the bits of float32s, for instance."""
    return _view(address, count, np.uint32)


def bytes_at(address: int, count: int) -> npt.NDArray[np.uint8]:
    """Return ``count`` bytes at an address."""
    return _view(address, count, np.uint8)


def bits_of(value: float) -> int:
    """Return the bits of a float64 as an int64."""
    return int(struct.unpack("<q", struct.pack("<d", value))[0])


def double_of(bits: int) -> float:
    """Return the float64 whose bits an int64 holds."""
    return float(struct.unpack("<d", struct.pack("<q", bits))[0])


def square_root(value: float) -> float:
    """Return the correctly rounded square root; NaN below 0 when compiled."""
    return math.sqrt(value)


def call_kernel(address: int, rows: int, operands: int) -> None:
    """Call the operator at an address with a number of rows and the address of its operand row."""
    prototype = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)
    result = ctypes.c_int64()
    prototype(address)(ctypes.addressof(result), None, rows, operands)
