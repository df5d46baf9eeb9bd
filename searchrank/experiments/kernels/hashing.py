"""xxh3-64 of 1 to 240 bytes without a seed, bit for bit that of the xxhash library (Collet, xxHash 0.8)."""

from __future__ import annotations

from typing import Final

import numpy as np

from searchrank.native.kernel import inlined
from searchrank.native.memory import bytes_at, ints_at, words_at

__all__ = ["LONGEST", "SECRET", "xxh3"]

LONGEST: Final = 240
SECRET: Final = bytes.fromhex(
    "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671fcb79e64eccc0e578825ad07dccff7221"
    "b8084674f743248ee03590e6813a264c3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8"
    "a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364eac5ac8334d3ebc3c581a0fffa1363eb"
    "170ddd51b7f0da49d316552629d4689e2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e"
)
"""The library's own; every reading of it is at a fixed place."""

_PRIME_1: Final = np.uint64(0x9E3779B185EBCA87)
_PRIME_2: Final = np.uint64(0xC2B2AE3D27D4EB4F)
_PRIME_3: Final = np.uint64(0x165667B19E3779F9)
_MIX_1: Final = np.uint64(0x165667919E3779F9)
_MIX_2: Final = np.uint64(0x9FB21C651E98DF25)
_LOW: Final = np.uint64(0xFFFFFFFF)
_24, _28, _29, _32, _33, _35, _37, _49 = (np.uint64(k) for k in (24, 28, 29, 32, 33, 35, 37, 49))
_15, _40 = np.uint64(15), np.uint64(40)


@inlined
def _read(address: int) -> np.uint64:
    return np.uint64(ints_at(address, 1)[0])


@inlined
def _read_half(address: int) -> np.uint64:
    return np.uint64(words_at(address, 1)[0])


@inlined
def _fold(a: np.uint64, b: np.uint64) -> np.uint64:
    """Return the lower and the upper half of a 128-bit product, exclusive-or."""
    low, cross, other = (a & _LOW) * (b & _LOW), (a >> _32) * (b & _LOW), (a & _LOW) * (b >> _32)
    middle = (low >> _32) + (cross & _LOW) + other
    upper = (cross >> _32) + (middle >> _32) + (a >> _32) * (b >> _32)
    return ((middle << _32) | (low & _LOW)) ^ upper


@inlined
def _mix(text: int, secret: int) -> np.uint64:
    return _fold(_read(text) ^ _read(secret), _read(text + 8) ^ _read(secret + 8))


@inlined
def _avalanche(value: np.uint64) -> np.uint64:
    value = (value ^ (value >> _37)) * _MIX_1
    return value ^ (value >> _32)


@inlined
def _tiny(text: int, length: int, secret: int) -> np.uint64:
    part = bytes_at(text, length)
    first, middle, last = np.int64(part[0]), np.int64(part[length >> 1]), np.int64(part[length - 1])
    value = np.uint64((first << 16) | (middle << 24) | last | (length << 8))
    value ^= _read_half(secret) ^ _read_half(secret + 4)
    value = (value ^ (value >> _33)) * _PRIME_2
    value = (value ^ (value >> _29)) * _PRIME_3
    return value ^ (value >> _32)


@inlined
def _short(text: int, length: int, secret: int) -> np.uint64:
    value = _read_half(text + length - 4) + (_read_half(text) << _32)
    value ^= _read(secret + 8) ^ _read(secret + 16)
    value ^= ((value << _49) | (value >> _15)) ^ ((value << _24) | (value >> _40))
    value *= _MIX_2
    value = (value ^ ((value >> _35) + np.uint64(length))) * _MIX_2
    return value ^ (value >> _28)


@inlined
def _swapped(value: np.uint64) -> np.uint64:
    """Return the bytes of a number in the other order."""
    out = np.uint64(0)
    for k in range(8):
        out = (out << np.uint64(8)) | ((value >> np.uint64(8 * k)) & np.uint64(255))
    return out


@inlined
def _medium(text: int, length: int, secret: int) -> np.uint64:
    low = _read(text) ^ _read(secret + 24) ^ _read(secret + 32)
    high = _read(text + length - 8) ^ _read(secret + 40) ^ _read(secret + 48)
    return _avalanche(np.uint64(length) + _swapped(low) + high + _fold(low, high))


@inlined
def _long(text: int, length: int, secret: int) -> np.uint64:
    value = np.uint64(length) * _PRIME_1
    for k in range((length - 1) >> 5, -1, -1):  # pairs of pieces from both ends
        value += _mix(text + 16 * k, secret + 32 * k)
        value += _mix(text + length - 16 * (k + 1), secret + 32 * k + 16)
    return _avalanche(value)


@inlined
def _longest(text: int, length: int, secret: int) -> np.uint64:
    value = np.uint64(length) * _PRIME_1
    for k in range(8):
        value += _mix(text + 16 * k, secret + 16 * k)
    value = _avalanche(value)
    for k in range(8, length >> 4):
        value += _mix(text + 16 * k, secret + 16 * (k - 8) + 3)
    return _avalanche(value + _mix(text + length - 16, secret + 119))


@inlined
def xxh3(text: int, length: int, secret: int) -> np.uint64:
    """Return the hash of the ``length`` bytes at ``text``, 1 to ``LONGEST``; ``SECRET`` lies at ``secret``."""
    if length <= 3:
        return _tiny(text, length, secret)
    if length <= 8:
        return _short(text, length, secret)
    if length <= 16:
        return _medium(text, length, secret)
    if length <= 128:
        return _long(text, length, secret)
    return _longest(text, length, secret)
