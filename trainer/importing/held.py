"""What is wrong or odd about what a workspace holds already."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from recall.indexes.documents import read_table
from searchrank.errors import DataError
from searchrank.events import CORE, EventLog, schema
from searchrank.features import FeatureSet, InputType
from trainer.importing.checks import Described, check_table
from trainer.importing.column import Conversion
from trainer.importing.event_checks import EventChecks
from trainer.importing.findings import Finding, Findings, Severity

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from searchrank.workspace import Workspace

__all__ = ["check_workspace"]

_CONVERSIONS: Final = {
    InputType.FLOAT: Conversion.NUMBER,
    InputType.SIGNAL: Conversion.NUMBER,
    InputType.TOKENS: Conversion.TEXT,
    InputType.CATEGORY: Conversion.CATEGORY,
    InputType.TIME: Conversion.TIME,
    InputType.POINT: Conversion.POINT,
    InputType.VECTOR: Conversion.VECTOR,
    InputType.LIST: Conversion.LIST,
}


def check_workspace(workspace: Workspace, progress: Callable[[str, int], None] = lambda _file, _rows: None) -> Findings:
    """Check catalogue, profiles and events of a workspace against its definitions and each other.

    Raises:
        NotFoundError: When there is no catalogue.
        DefinitionError: When the feature file is wrong.
        DataError: When a file cannot be read at all.
    """
    findings = Findings()
    feature_set = FeatureSet.load(workspace.features)
    items = read_table(workspace.items, "items")
    users = read_table(workspace.users, "users") if workspace.users.is_file() else None
    for path, table, key in ((workspace.items, items, "item_id"), (workspace.users, users, "user_id")):
        if table is not None:
            progress(path.name, len(table))
            _check_table(path, table, key, feature_set, findings)
    checks = EventChecks(findings, items=items, users=users, now_us=time.time_ns() // 1_000)
    seen = 0
    if workspace.events.is_dir():
        log = EventLog.open(workspace.events, schema=schema(feature_set))
        for batch in log.read(columns=[name for name in CORE.names if name in log.schema.names]):
            rows = np.arange(seen + 1, seen + 1 + batch.num_rows)
            checks.look(workspace.events.name, pa.table(batch), rows, {})
            seen += batch.num_rows
            progress(workspace.events.name, seen)
    checks.finish(workspace.events.name)
    return findings


def _check_table(path: Path, table: pa.Table, key: str, feature_set: FeatureSet, findings: Findings) -> None:
    """Check one table: that its columns fit what is declared, and what is odd about them."""
    root = f"{key.removesuffix('_id')}."
    declared = {n: i for n, i in feature_set.inputs.items() if n.startswith(root) and i.statistic is None}
    for name in declared:
        if name not in table.column_names:
            message, advice = "declared, but no column holds it", "import it, or remove it from features.yaml"
            _add(findings, path, name, Severity.WARNING, ("unfilled_input", message, advice))
            continue
        try:
            (feature_set.item_encoder if key == "item_id" else feature_set.request_encoder).encode(
                {name: table.column(name)}, len(table)
            )
        except DataError as error:
            advice = "import it with another conversion, or declare it as it is"
            _add(findings, path, name, Severity.ERROR, ("other_type", str(error), advice))
    described = [
        Described(name, path.name, name, _CONVERSIONS[item.type])
        for name, item in declared.items()
        if item.type in _CONVERSIONS
    ]
    check_table(table, described, findings)


def _add(findings: Findings, path: Path, column: str, severity: Severity, words: tuple[str, str, str]) -> None:
    what, message, advice = words
    findings.add(Finding(severity=severity, what=what, file=path.name, column=column, message=message, advice=advice))
