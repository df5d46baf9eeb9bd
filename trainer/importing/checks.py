"""What is odd about a table of items or users although every value could be read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trainer.importing.column import Conversion
from trainer.importing.findings import Finding, Findings, Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Described", "check_table", "separator_of"]

_MANY: Final = 1_000
_SEEN: Final = 100_000
_SAMPLE: Final = 20_000
_LONGEST: Final = {"|": 6, ";": 4, ",": 2}  # words of a member: sentences have commas, too


@dataclass(frozen=True, slots=True)
class Described:
    """One column of a table, and what it is called where a person can mend it.

    Attributes:
        target: Its name in the workspace.
        file: The file that it comes from.
        label: The column of that file.
        conversion: What it was taken for.
        is_constant: Whether the mapping says that it is one value throughout.
    """

    target: str
    file: str
    label: str
    conversion: Conversion
    is_constant: bool = False


def check_table(table: pa.Table, columns: Sequence[Described], findings: Findings) -> None:
    """Note what is odd about the columns of items or users.

    Args:
        table: One row an item or user.
        columns: Those to look at.
        findings: Where it is noted.
    """
    for one in columns:
        if one.target in table.column_names and not one.is_constant and len(table):
            _check_column(table.column(one.target), one, findings)


def _check_column(column: pa.ChunkedArray, one: Described, findings: Findings) -> None:
    if column.null_count == len(column):
        _warn(findings, one, "empty_column", "no row has a value", len(column), advice="leave it out of the mapping")
        return
    if pa.types.is_string(column.type):
        words = pc.unique(column.slice(0, _SEEN).drop_null())
        _check_words(column, words, one, findings)
        constant = len(words) == 1 and len(column) <= _SEEN
    else:
        constant = one.conversion in {Conversion.NUMBER, Conversion.TIME} and _is_constant(column)
    if constant and len(column) > 1:
        value = next(iter(column.drop_null())).as_py()
        message = "every row that has a value has the same"
        advice = "it cannot tell one item from another; leave it out of the mapping"
        _warn(findings, one, "constant_column", message, len(column) - column.null_count, str(value), advice)
    if one.conversion is Conversion.POINT:
        _check_points(column, one, findings)


def _is_constant(column: pa.ChunkedArray) -> bool:
    bounds = pc.min_max(column).as_py()
    return bool(bounds["min"] == bounds["max"])


def _check_words(column: pa.ChunkedArray, words: pa.Array, one: Described, findings: Findings) -> None:
    """Look at categories: too many, written in several ways, or lists in disguise."""
    if one.conversion is not Conversion.CATEGORY:
        return
    there = min(len(column) - column.null_count, _SEEN)
    texts = words.to_pylist()
    sep = separator_of(texts)
    if sep:
        example = next(text for text in texts if sep in text)
        advice = f'map it as {{list: "{one.label}", sep: "{sep}"}}'
        message = f"looks like lists with {sep!r} between the members"
        _warn(findings, one, "list_as_text", message, there, example, advice)
    elif len(texts) > _MANY and len(texts) * 2 > there:
        message = f"a category with {len(texts):,} values in {there:,} rows"
        advice = "a model learns nothing about values it sees once; map it as text, or map a coarser column"
        _warn(findings, one, "too_many_values", message, len(texts), texts[0], advice)
    folded: dict[str, str] = {}
    twins = [(folded[key], text) for text in texts if folded.setdefault(key := _folded(text), text) != text]
    if twins:
        message = "values that differ only in case or spacing count as different"
        advice = f'map it as {{category: "{one.label}", lower: true}}, or with values: that says which are the same'
        _warn(findings, one, "written_differently", message, len(twins), " / ".join(twins[0]), advice)


def _folded(text: str) -> str:
    return re.sub(r"[\s_.-]+", " ", text.casefold()).strip()


def separator_of(texts: Sequence[str]) -> str:
    """Return what separates the members of lists written as text; empty when they are none.

    That is so where parts come again in other texts, as members of lists do and halves of names do not.
    """
    sample = texts[:_SAMPLE]
    for sep in _LONGEST:
        parted = [[part.strip() for part in text.split(sep)] for text in sample if sep in text]
        if len(parted) < 3 or len(parted) * 10 < len(sample):
            continue
        parts = [part for text in parted for part in text]
        short = sum(len(part.split()) <= _LONGEST[sep] for part in parts)
        if short * 10 >= len(parts) * 9 and len(set(parts)) * 2 <= len(parts) + 1:
            return sep
    return ""


def _check_points(column: pa.ChunkedArray, one: Described, findings: Findings) -> None:
    flat = pc.list_flatten(column).to_numpy().astype(np.float64).reshape(-1, 2)
    zero = int((flat == 0).all(axis=1).sum())
    if zero:
        message = "points at latitude 0, longitude 0, in the sea off Africa"
        advice = 'if it stands for an unknown place, add "0" to missing:'
        _warn(findings, one, "null_island", message, zero, "0, 0", advice)


def _warn(  # noqa: PLR0913, PLR0917 - the parts of a finding
    findings: Findings, one: Described, what: str, message: str, count: int, example: str = "", advice: str = ""
) -> None:
    more: dict[str, Any] = {"count": count, "example": example[:80], "advice": advice}
    findings.add(
        Finding(severity=Severity.WARNING, what=what, file=one.file, column=one.label, message=message, **more)
    )
