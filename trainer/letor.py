"""Prepared ranking files: ``label qid:7 1:0.5 3:2``, or without qid beside LightGBM's ``FILE.query``.

A chunk of lines is cut into words by array operations on its bytes and all its numbers are read in one call;
only a file that is wrong is looked at line by line, to say where.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from searchrank.errors import DataError, NotFoundError
from trainer.words import Words, cut

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["RankingFile", "read"]

_CHUNK: Final = 8 << 20
_WIDEST: Final = 1_000_000

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class RankingFile:
    """Rows of a ranking file, sparse; a feature that a row does not name is 0 (LightGBM's convention).

    Attributes:
        path: Where it was read from.
        labels: (n,) relevance, whole numbers from 0.
        sizes: (q,) rows of each query.
        starts: (n + 1,) where each row's values begin.
        features: (v,) feature numbers, used as column numbers as they are.
        values: (v,) values; NaN where the file says so.
        lines: (n,) 1-based line of each row.
    """

    path: Path
    labels: npt.NDArray[np.float32]
    sizes: Integers
    starts: Integers
    features: npt.NDArray[np.int32]
    values: npt.NDArray[np.float64]
    lines: Integers

    @property
    def width(self) -> int:
        """Number of columns that hold every feature of the file."""
        return int(self.features.max(initial=-1)) + 1


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """What one chunk of lines holds; ``queries`` is -1 for a row without qid."""

    labels: npt.NDArray[np.float64]
    queries: Integers
    counts: Integers
    features: npt.NDArray[np.float64]
    values: npt.NDArray[np.float64]
    lines: Integers


def read(path: Path) -> RankingFile:
    """Read a ranking file with its queries.

    Args:
        path: The file; queries come from its ``qid:`` words or from ``<path>.query``.

    Raises:
        DataError: When a line, the query file or their agreement is wrong; names file and line.
        NotFoundError: When the file does not exist.
    """
    if not path.is_file():
        raise NotFoundError(f"no ranking file {path}")
    parts = list(_parts(path))
    if not sum(len(part.labels) for part in parts):
        raise DataError(f"{path} holds no rows")
    lines = np.concatenate([part.lines for part in parts])
    labels = np.concatenate([part.labels for part in parts])
    counts = np.concatenate([part.counts for part in parts])
    features = np.concatenate([part.features for part in parts])
    starts = np.concatenate([[0], np.cumsum(counts)])
    _check_labels(path, labels, lines)
    _check_features(path, features, np.repeat(lines, counts))
    sizes = _sizes(path, np.concatenate([part.queries for part in parts]), lines)
    values = np.concatenate([part.values for part in parts])
    return RankingFile(path, labels.astype(np.float32), sizes, starts, features.astype(np.int32), values, lines)


def _parts(path: Path) -> Iterator[_Part]:
    """Read a file in chunks of whole lines."""
    line, rest = 1, b""
    with path.open("rb") as file:
        while block := file.read(_CHUNK):
            head, newline, rest = (rest + block).rpartition(b"\n")
            if newline:
                yield _part(cut(head + newline, str(path), line))
                line += head.count(b"\n") + 1
    yield _part(cut(rest + b"\n", str(path), line))


def _part(words: Words) -> _Part:
    """Read the numbers of a chunk.

    Raises:
        DataError: When a word is not what its place demands.
    """
    is_query = words.is_key & words.spelt(b"qid")
    of_query = np.roll(is_query, 1)
    keys, values = words.is_key & ~is_query, words.is_value & ~of_query
    rows = np.cumsum(words.is_first) - 1
    count = int(words.is_first.sum())
    queries = np.full(count, -1, dtype=np.int64)
    places = rows[is_query]
    twice = np.flatnonzero(np.diff(places) == 0)
    if len(twice):
        raise words.error(int(np.flatnonzero(is_query)[twice[0] + 1]), "has two qid words")
    queries[places] = words.integers(of_query & words.is_value, "qid")
    numbers = words.numbers(is_query)
    return _Part(
        numbers[words.is_first],
        queries,
        np.bincount(rows[keys], minlength=count),
        numbers[keys],
        numbers[values],
        words.lines[words.is_first],
    )


def _refuse(path: Path, bad: npt.NDArray[np.bool_], lines: Integers, what: str) -> None:
    """Refuse the file when any entry is bad, naming the line of the first.

    Raises:
        DataError: When one is.
    """
    if bad.any():
        raise DataError(f"{path}:{lines[int(np.argmax(bad))]}: {what}")


def _check_labels(path: Path, labels: npt.NDArray[np.float64], lines: Integers) -> None:
    """Refuse labels that are not grades."""
    whole = (labels >= 0) & (labels <= 1000) & (labels == np.floor(labels))
    _refuse(path, ~whole, lines, "the label is not a whole number from 0 to 1000")


def _check_features(path: Path, features: npt.NDArray[np.float64], lines: Integers) -> None:
    """Refuse feature numbers out of range and features named twice in a line."""
    fits = (features >= 0) & (features < _WIDEST) & (features == np.floor(features))
    _refuse(path, ~fits, lines, f"a feature number is not a whole number from 0 to {_WIDEST - 1}")
    if len(features) and ((np.diff(features) <= 0) & (np.diff(lines) == 0)).any():
        order = np.lexsort((features, lines))
        same = (np.diff(features[order]) == 0) & (np.diff(lines[order]) == 0)
        _refuse(path, same, lines[order][1:], "a feature is named twice")


def _sizes(path: Path, queries: Integers, lines: Integers) -> Integers:
    """Return the number of rows of each query, from qid words or the query file.

    Raises:
        DataError: When neither gives one consistent answer.
    """
    companion = path.with_name(path.name + ".query")
    named = queries >= 0
    if not named.any():
        if not companion.is_file():
            raise DataError(
                f"{path} has no qid words and there is no {companion.name}; one of them must name the queries"
            )
        return _query_file(companion, path, len(lines))
    _refuse(path, ~named, lines, "the line has no qid, others have")
    starts = np.flatnonzero(np.concatenate([[True], np.diff(queries) != 0]))
    _, first = np.unique(queries[starts], return_index=True)
    again = np.ones(len(starts), dtype=bool)
    again[first] = False
    _refuse(path, again, lines[starts], "this qid was seen before: the lines of a query must follow each other")
    sizes = np.diff(np.concatenate([starts, [len(queries)]]))
    if companion.is_file() and not np.array_equal(_query_file(companion, path, len(lines)), sizes):
        raise DataError(f"{companion} and the qid words of {path.name} disagree; remove one of them")
    return sizes


def _query_file(companion: Path, path: Path, rows: int) -> Integers:
    """Read group sizes, one a line.

    Raises:
        DataError: When a line is not a positive number or the sum is not the number of rows.
    """
    sizes: list[int] = []
    for number, line in enumerate(companion.read_text("utf-8", "replace").splitlines(), start=1):
        text = line.split("#", 1)[0].strip()
        if not text:
            continue
        if not text.isascii() or not text.isdigit() or int(text) < 1:
            raise DataError(f"{companion}:{number}: {text[:40]!r} is not a number of rows (1 or more)")
        sizes.append(int(text))
    if sum(sizes) != rows:
        raise DataError(f"{companion} counts {sum(sizes)} rows, {path} has {rows}")
    return np.asarray(sizes, dtype=np.int64)
