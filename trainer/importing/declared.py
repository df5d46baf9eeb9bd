"""Whether what is mapped is what the feature file declares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from searchrank.features.language import nearest
from trainer.importing.column import Column, Conversion
from trainer.importing.findings import Finding, Findings, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from searchrank.features import FeatureSet
    from trainer.importing.mapping import MappedFile

__all__ = ["check_declared"]

_IMPLIED: Final = frozenset({"request.query", "request.time"})


def check_declared(entries: Iterable[MappedFile], feature_set: FeatureSet, findings: Findings) -> None:
    """Note mapped columns that no input is declared for, or one of another type, and inputs that nothing fills.

    Args:
        entries: The files that are imported.
        feature_set: The workspace's definitions.
        findings: Where it is noted.
    """
    known = list(entries)
    for entry in known:
        for column in entry.columns:
            if "." in column.target:
                _check(entry, column, feature_set, findings)
    filled = {column.target for entry in known for column in entry.columns}
    roots = {f"{entry.kind.value[:-1]}." for entry in known if entry.kind.value != "events"}
    for name, item in feature_set.inputs.items():
        if item.statistic is None and name.startswith(tuple(roots)) and name not in filled:
            findings.add(
                Finding(
                    severity=Severity.WARNING,
                    what="unfilled_input",
                    file="features.yaml",
                    column=name,
                    message="declared, but no file is mapped to it: it will be missing throughout",
                    advice="map a column to it, or remove it with the features that read it",
                )
            )


def _check(entry: MappedFile, column: Column, feature_set: FeatureSet, findings: Findings) -> None:
    item = feature_set.inputs.get(column.target)
    if item is None or item.statistic is not None or column.target in _IMPLIED:
        strict = entry.kind.value == "events"
        hint = nearest(column.target, feature_set.inputs)
        message = "features.yaml does not declare this input" + ("" if strict else "; it is kept, but nothing reads it")
        advice = f"declare it, for example {column.target}: {{type: {_type_of(column)}}}"
        severity = Severity.ERROR if strict else Severity.NOTE
        _add(findings, entry, column, severity, ("undeclared", message, "; ".join(filter(None, [hint, advice]))))
    elif item.type.value not in column.conversion.types:
        message = f"mapped as {column.conversion}, features.yaml declares {item.type}"
        advice = f"write {{{_conversion_of(item.type.value)}: …}} in the mapping, or type: {_type_of(column)} there"
        _add(findings, entry, column, Severity.ERROR, ("other_type", message, advice))


def _type_of(column: Column) -> str:
    return column.conversion.types[0]


def _conversion_of(kind: str) -> str:
    return next((str(one) for one in Conversion if one is not Conversion.CONST and kind in one.types), kind)


def _add(
    findings: Findings, entry: MappedFile, column: Column, severity: Severity, words: tuple[str, str, str]
) -> None:
    what, message, advice = words
    findings.add(
        Finding(severity=severity, what=what, file=entry.pattern, column=column.target, message=message, advice=advice)
    )
