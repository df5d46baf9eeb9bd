"""The words of a libsvm text, found by array operations: a label first, then pairs ``key:value``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from searchrank.errors import DataError

__all__ = ["Words", "cut"]

Booleans = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]

_COLON: Final = ord(":")
_NEWLINE: Final = ord("\n")
_SPACE: Final = ord(" ")
_COMMENT: Final = re.compile(rb"#[^\n]*")
_PAIR: Final = re.compile(rb"[^:]+:[^:]+")


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """Words of a text, in order; every one is a first, a key or a value.

    Attributes:
        text: (b,) the bytes.
        starts: (w,) first byte of each word.
        ends: (w,) byte after each word.
        lines: (w,) 1-based line of each word in the file.
        is_first: (w,) whether it opens its line.
        is_key: (w,) whether a colon follows.
        is_value: (w,) whether a colon precedes.
        source: Name of the file, for messages.
    """

    text: npt.NDArray[np.uint8]
    starts: Integers
    ends: Integers
    lines: Integers
    is_first: Booleans
    is_key: Booleans
    is_value: Booleans
    source: str

    def spelt(self, word: bytes) -> Booleans:
        """Return which words are ``word``, shape (w,)."""
        found: Booleans = self.ends - self.starts == len(word)
        for i, byte in enumerate(word):
            found &= self.text[np.minimum(self.starts + i, len(self.text) - 1)] == byte
        return found

    def numbers(self, ignored: Booleans) -> npt.NDArray[np.float64]:
        """Read every word as a number, correctly rounded; shape (w,), anything for those ``ignored``.

        Raises:
            DataError: When a word is not a number.
        """
        text = self.text
        if ignored.any():
            text = self.text.copy()
            for place in range(int((self.ends - self.starts)[ignored].max())):
                text[np.minimum(self.starts[ignored] + place, self.ends[ignored] - 1)] = ord("0")
        inside = ~((text == _COLON) | (text <= _SPACE))
        strings = _strings(text[inside], self.ends - self.starts)
        try:
            return np.asarray(pc.cast(strings, pa.float64()))
        except pa.ArrowInvalid:
            return self._one_by_one(np.flatnonzero(~ignored), len(strings))

    def integers(self, chosen: Booleans, what: str) -> Integers:
        """Read the chosen words, a small part of all, as whole numbers of 64 bits.

        Raises:
            DataError: When one is not.
        """
        found = np.flatnonzero(chosen)
        values = np.empty(len(found), dtype=np.int64)
        for i, word in enumerate(found.tolist()):
            try:
                values[i] = int(self._spelling(word))
            except (ValueError, OverflowError):
                shown = self._spelling(word).decode("utf-8", "replace")[:40]
                raise self.error(word, f"the {what} {shown!r} is not a whole number") from None
        return values

    def error(self, word: int, what: str) -> DataError:
        """Return the error that points at a word."""
        return DataError(f"{self.source}:{self.lines[word]}: {what}")

    def _spelling(self, word: int) -> bytes:
        """Return the bytes of a word."""
        return self.text[self.starts[word] : self.ends[word]].tobytes()

    def _one_by_one(self, chosen: Integers, count: int) -> npt.NDArray[np.float64]:
        """Read spellings that Arrow does not know (``+1``), or find the word that is no number.

        Raises:
            DataError: When a word is not a number.
        """
        values = np.zeros(count)
        for word in chosen.tolist():
            try:
                values[word] = float(self._spelling(word))
            except ValueError:
                shown = self._spelling(word).decode("utf-8", "replace")[:40]
                raise self.error(word, f"{shown!r} is not a number") from None
        return values


def _strings(text: npt.NDArray[np.uint8], lengths: Integers) -> pa.Array:
    """Return words that follow each other as one Arrow array, without an object a word."""
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    return pa.Array.from_buffers(pa.binary(), len(lengths), [None, pa.py_buffer(offsets), pa.py_buffer(text)])


def cut(text: bytes, source: str, line: int) -> Words:
    """Cut whole lines into words.

    Args:
        text: The lines, the last one ended; comments begin with ``#``.
        source: Name of the file, for messages.
        line: 1-based number of the first line.

    Raises:
        DataError: When a line is not a label and pairs.
    """
    clean = _COMMENT.sub(b"", text) if b"#" in text else text
    data = np.frombuffer(b"\n" + clean, dtype=np.uint8)
    colon = data == _COLON
    gap = colon | (data <= _SPACE)
    starts = np.flatnonzero(gap[:-1] & ~gap[1:]) + 1
    ends = np.flatnonzero(~gap[:-1] & gap[1:]) + 1
    is_key, is_value = colon[ends], colon[starts - 1]
    newlines = np.flatnonzero(data == _NEWLINE)
    lines = line - 1 + np.searchsorted(newlines, starts)
    is_first = np.ones(len(starts), dtype=bool)
    is_first[1:] = np.diff(lines) != 0
    colons = int(colon.sum())
    fits = np.where(is_first, ~is_key & ~is_value, is_key ^ is_value)
    if not fits.all() or is_key.sum() != colons or is_value.sum() != colons:
        error = _misfit(clean, source, line)
        raise error
    return Words(data, starts, ends, lines, is_first, is_key, is_value, source)


def _misfit(text: bytes, source: str, line: int) -> DataError:
    """Return the error that names the first line that is not a label and pairs."""
    for number, content in enumerate(text.split(b"\n"), start=line):
        words = content.split()
        if words and (b":" in words[0] or not all(map(_PAIR.fullmatch, words[1:]))):
            wrong = next((w for w in words[1:] if not _PAIR.fullmatch(w)), words[0])
            shown = wrong.decode("utf-8", "replace")[:40]
            return DataError(f"{source}:{number}: {shown!r} is out of place; a line reads 'label key:value …'")
    return DataError(f"{source}: the lines do not read 'label key:value …'")
