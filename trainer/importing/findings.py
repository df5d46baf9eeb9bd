"""What is wrong or odd about somebody's files: each kind of fault once a column, counted, with an example."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from typing_extensions import override

__all__ = ["Finding", "Findings", "Severity"]


class Severity(StrEnum):
    """What a finding means for an import."""

    ERROR = "error"
    """Nothing is imported until it is mended."""
    WARNING = "warning"
    """Imported, though probably not what was meant."""
    NOTE = "note"
    """Nothing to mend; something was decided that a person should know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One kind of fault in one column of one file.

    Attributes:
        severity: What it means for an import.
        what: Short name of the kind of fault, for machines.
        file: Name of the file.
        column: Column, as in the file or, where no single column of the file is at fault, as mapped; may be empty.
        message: The fault in plain words.
        count: How many rows, or ids, or values have it.
        row: Row of the first one, counted from 1 without the header; 0 when no row is at fault.
        example: A value that has it.
        advice: What to do.
    """

    severity: Severity
    what: str
    file: str
    column: str = ""
    message: str
    count: int = 1
    row: int = 0
    example: str = ""
    advice: str = ""

    @override
    def __str__(self) -> str:
        place = f"{self.file}, {self.column}" if self.column else self.file
        first = f"; first in row {self.row:,}" if self.row else ""
        example = f": {self.example!r}" if self.example else ""
        advice = f"\n    {self.advice}" if self.advice else ""
        return f"{self.severity}: {place}: {self.message} ({self.count:,}{first}{example}){advice}"

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)


class Findings:
    """Collects findings while files are read part by part; equal ones are added up."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, str], Finding] = {}

    def __iter__(self) -> Iterator[Finding]:
        order = list(Severity)
        return iter(sorted(self._found.values(), key=lambda one: order.index(one.severity)))

    def __len__(self) -> int:
        return len(self._found)

    def add(self, finding: Finding) -> None:
        """Note a finding; another of its kind, file and column only adds to the count."""
        key = finding.what, finding.file, finding.column
        known = self._found.get(key)
        self._found[key] = finding if known is None else replace(known, count=known.count + finding.count)

    def merge(self, other: Findings) -> None:
        """Take over the findings of another pass over the same rows: none is counted twice."""
        for key, finding in other._found.items():
            known = self._found.get(key)
            if known is None or known.count < finding.count:
                self._found[key] = finding

    def of(self, severity: Severity) -> list[Finding]:
        """Return the findings of one severity, in the order they were found."""
        return [one for one in self._found.values() if one.severity is severity]
