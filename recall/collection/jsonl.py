"""Documents and queries of collections for judging: JSON lines with ``_id``, ``title`` and ``text``, as in BEIR."""

from __future__ import annotations

import gzip
import json
import zlib
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Final, cast

from searchrank.errors import DataError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["Line", "read_lines"]

MAX_LINE: Final = 16 << 20
"""Bytes of the longest line that is read."""
MAX_ID: Final = 128
"""Bytes of the longest id."""


@dataclass(frozen=True, slots=True)
class Line:
    """One document or query.

    Attributes:
        number: Where it stands, from 1.
        id: Its ``_id``.
        title: Its title; empty when it has none.
        text: Its text; empty when it has none.
    """

    number: int
    id: str
    title: str
    text: str


def read_lines(path: Path, progress: Callable[[int, int], None] = lambda _done, _total: None) -> Iterator[Line]:
    """Read a file line by line; empty lines are passed over. Keeps no more than one line, and every id.

    Args:
        path: JSON lines in UTF-8, or those packed by gzip when the name ends in ``.gz``.
        progress: Called now and then with (bytes of the file read, bytes in all).

    Raises:
        NotFoundError: When there is no such file.
        DataError: When a line is not such an object, or an id stands on two; names the line.
    """
    if not path.is_file():
        raise NotFoundError(f"there is no file {path}")
    seen: dict[str, int] = {}
    total = path.stat().st_size
    with path.open("rb") as raw, _unpacked(path, raw) as lines:
        for number, content in _numbered(path, lines):
            if number % 1_000 == 0:
                progress(raw.tell(), total)
            if content.strip():
                line = _parsed(path, number, content)
                first = seen.setdefault(line.id, number)
                if first != number:
                    raise DataError(_at(path, number, f"_id {line.id!r} stands on line {first} too"))
                yield line
    progress(total, total)


def _unpacked(path: Path, raw: IO[bytes]) -> IO[bytes]:
    return cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if path.suffix == ".gz" else raw


def _numbered(path: Path, lines: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    number = 0
    try:
        while content := lines.readline(MAX_LINE + 1):
            number += 1
            if len(content) > MAX_LINE:
                raise DataError(_at(path, number, f"is longer than {MAX_LINE >> 20} MiB"))
            yield number, content
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path} is not a whole gzip file: {error}") from error


def _parsed(path: Path, number: int, content: bytes) -> Line:
    try:
        told = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DataError(_at(path, number, f"is not JSON in UTF-8: {error}")) from None
    if not isinstance(told, dict):
        raise DataError(_at(path, number, 'is not an object such as {"_id": "d1", "title": "...", "text": "..."}'))
    return Line(number, _id(path, number, told), *(_text(path, number, told, name) for name in ("title", "text")))


def _id(path: Path, number: int, told: dict[str, Any]) -> str:
    given = told.get("_id")
    if not isinstance(given, str) or not given:
        raise DataError(_at(path, number, f"needs an _id that is a text, not {given!r:.40}"))
    if not given.isprintable() or " " in given or len(given.encode()) > MAX_ID:
        raise DataError(_at(path, number, f"_id {given!r:.40} must be at most {MAX_ID} bytes without spaces"))
    return given


def _text(path: Path, number: int, told: dict[str, Any], name: str) -> str:
    given = told.get(name)
    if given is not None and not isinstance(given, str):
        raise DataError(_at(path, number, f"{name} must be a text, not {given!r:.40}"))
    return given or ""


def _at(path: Path, number: int, what: str) -> str:
    return f"{path}, line {number}: {what}"
