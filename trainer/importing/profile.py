"""What the columns of somebody's file look like: the facts from which a mapping is guessed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc

from trainer.importing.checks import separator_of
from trainer.importing.column import Column, Conversion
from trainer.importing.convert import convert
from trainer.importing.converted import texts_of
from trainer.importing.encoding import open_text, read_encoding
from trainer.importing.findings import Findings
from trainer.importing.sources import open_source

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ColumnProfile", "FileProfile", "profile_file"]

_ROWS: Final = 50_000
_MARKS: Final = ("?", "-", "--", "N/A", "n/a", "NA", "#N/A", "null", "NULL", "None", "nan", "NaN", "\\N")
_DELIMITERS: Final = (",", ";", "\t", "|")
_FORMATS: Final = (
    "", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d", "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y", "%d/%m/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M", "%d/%m/%Y", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%m/%d/%Y", "%Y%m%d",
)  # fmt: skip
_EPOCHS: Final = (("s", 6e8, 4e9), ("ms", 6e11, 4e12), ("us", 6e14, 4e15))
_MOSTLY: Final = 0.98


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """What the first rows of a column look like.

    Attributes:
        name: Its name.
        rows: Rows looked at.
        known: Those with a value.
        distinct: Different values among them.
        values: The distinct values as text, in order of appearance.
        words: Words of a value on average.
        low: Smallest number; NaN when the values are no numbers.
        high: Largest number.
        format: Of times as text; None when they are none; empty: ISO 8601.
        unit: Of times as numbers; empty when they are none.
        separator: What parts the members of lists written as text; empty when there are none.
        nested: Whether the values are lists already.
    """

    name: str
    rows: int
    known: int
    distinct: int
    values: tuple[str, ...]
    words: float
    low: float
    high: float
    format: str | None
    unit: str
    separator: str
    nested: bool

    @property
    def is_number(self) -> bool:
        """Whether the values are numbers."""
        return self.low == self.low

    @property
    def is_key(self) -> bool:
        """Whether every row has a value of its own."""
        return self.known == self.rows == self.distinct

    @property
    def is_time(self) -> bool:
        """Whether the values are times."""
        return self.format is not None or bool(self.unit)

    @property
    def is_code(self) -> bool:
        """Whether the values are for machines alone: addresses of pages, long digits, digests."""
        sample = self.values[:100]
        coded = sum(bool(re.fullmatch(r"https?://\S+|[0-9A-Fa-f-]{24,}|\S{40,}", text)) for text in sample)
        return bool(sample) and coded * 2 > len(sample)


@dataclass(frozen=True, slots=True)
class FileProfile:
    """What a file looks like.

    Attributes:
        path: The file.
        encoding: Its encoding when it is not UTF-8, else empty.
        delimiter: Its delimiter when it is not the one of its ending, else empty.
        missing: Texts that seem to mean that there is no value.
        columns: Its columns by name.
    """

    path: Path
    encoding: str
    delimiter: str
    missing: tuple[str, ...]
    columns: dict[str, ColumnProfile]


def profile_file(path: Path) -> FileProfile:
    """Look at the first rows of a file.

    Raises:
        DataError: When it cannot be read.
    """
    encoding, delimiter = "", ""
    ending = path.name.removesuffix(".gz").rpartition(".")[2].lower()
    if ending in {"csv", "tsv", "txt", "jsonl", "ndjson", "json"}:
        found = read_encoding(path, "", Findings())
        encoding = "" if found == "utf-8" else found
        if ending in {"csv", "tsv", "txt"}:
            delimiter = _delimiter(path, found, "," if ending == "csv" else "\t")
    source = open_source(path, encoding=encoding, delimiter=delimiter, findings=Findings())
    parts = list(islice(source.read(()), 1))
    rows = min(parts[0].rows, _ROWS) if parts else 0
    raw = {name: array.slice(0, rows) for name, array in parts[0].columns.items()} if parts else {}
    missing = tuple(mark for mark in _MARKS if any(_holds(array, mark) for array in raw.values()))
    columns = {name: _profile(name, array, missing) for name, array in raw.items()}
    return FileProfile(path, encoding, delimiter, missing, columns)


def _delimiter(path: Path, encoding: str, usual: str) -> str:
    """Return what parts the header most often, or nothing when it is the usual one."""
    with open_text(path, encoding) as file:
        header = file.readline()
    best = max(_DELIMITERS, key=lambda mark: (header.count(mark), mark == usual))
    return "" if best == usual or not header.count(best) else best


def _holds(array: pa.Array, mark: str) -> bool:
    if not pa.types.is_string(array.type):
        return False
    return bool(pc.any(pc.equal(pc.utf8_trim_whitespace(array), mark)).as_py())


def _profile(name: str, raw: pa.Array, missing: tuple[str, ...]) -> ColumnProfile:
    nested = pa.types.is_nested(raw.type)
    values = convert(_column(Conversion.TEXT), {"": raw}, len(raw), missing).values
    known = values.drop_null()
    distinct = pc.unique(known)
    texts = tuple(distinct.slice(0, 20_000).to_pylist())
    low, high = (float("nan"),) * 2 if nested else _bounds(values, missing)
    is_number = low == low  # noqa: PLR0124 - NaN
    return ColumnProfile(
        name=name,
        rows=len(raw),
        known=len(known),
        distinct=len(distinct),
        values=texts,
        words=sum(len(text.split()) for text in texts[:1_000]) / max(len(texts[:1_000]), 1),
        low=low,
        high=high,
        format=None if nested or is_number or not len(known) else _format(raw, values),
        unit=next((unit for unit, first, last in _EPOCHS if is_number and first <= low and high <= last), ""),
        separator="" if is_number or nested else separator_of(texts),
        nested=nested,
    )


def _column(conversion: Conversion, **options: str) -> Column:
    return Column(target="item.any", conversion=conversion, sources=("",), **options)  # type: ignore[arg-type]


def _bounds(values: pa.Array, missing: tuple[str, ...]) -> tuple[float, float]:
    """Return the smallest and largest number; NaN when the values are no numbers."""
    found = convert(_column(Conversion.NUMBER), {"": values}, len(values), missing)
    known = found.values.drop_null()
    if not len(known) or found.bad.any():
        return float("nan"), float("nan")
    bounds = pc.min_max(known).as_py()
    return float(bounds["min"]), float(bounds["max"])


def _format(raw: pa.Array, values: pa.Array) -> str | None:
    """Return the format of times written as text; of several that fit, the first."""
    if pa.types.is_timestamp(raw.type) or pa.types.is_date(raw.type):
        return ""
    head = texts_of(values.drop_null().slice(0, 500))
    if not pc.all(pc.match_substring_regex(head, r"^[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}")).as_py():
        return None
    for form in _FORMATS:
        found = convert(_column(Conversion.TIME, **({"format": form} if form else {})), {"": head}, len(head), ())
        if not found.bad.any():
            return form
    return None
