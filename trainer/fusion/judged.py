"""Which items answer a query: judgements as BEIR (tab-separated, with a header) and TREC (qrels) write them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from searchrank.errors import DataError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["read_judged"]


def read_judged(path: Path, rows: Mapping[str, int]) -> dict[str, dict[int, int]]:
    """Return for each query the relevant rows and their grades, in the order of the file.

    Args:
        path: Lines of query, item and grade, or of query, anything, item and grade; a first line without a grade is a
            header. Grades of 0 and less say that an item does not answer.
        rows: The row of each item; items that are not there are passed over.

    Raises:
        NotFoundError: When there is no such file.
        DataError: When a line is of another form, or no line speaks of an item that is there.
    """
    if not path.is_file():
        raise NotFoundError(f"there is no file {path}")
    judged: dict[str, dict[int, int]] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        query, item, grade = _parts(path, number, line)
        if grade > 0 and item in rows:
            judged.setdefault(query, {})[rows[item]] = grade
    if not judged:
        raise DataError(f"{path} names no relevant item that is in the index")
    return judged


def _parts(path: Path, number: int, line: str) -> tuple[str, str, int]:
    """Return query, item and grade; an empty line and the header have grade 0.

    Raises:
        DataError: When it is none of these.
    """
    parts = line.split("\t") if "\t" in line else line.split()
    if not parts:
        return "", "", 0
    if len(parts) in {3, 4}:
        if _is_whole(parts[-1]):
            return parts[0], parts[-2], int(parts[-1])
        if number == 1:
            return "", "", 0
    raise DataError(f"line {number} of {path} is not a query, an item and a whole grade: {line[:80]!r}")


def _is_whole(text: str) -> bool:
    return text.strip().removeprefix("-").isdecimal()
