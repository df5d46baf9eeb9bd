"""``searchrank parity``: prove on this machine that features and scores have the same bits everywhere."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
import pyarrow as pa
import typer
from rich.console import Console
from rich.table import Table

from predictor.parity import definitions, live, offline, tables
from predictor.parity.mutants import mutants, policy_mutant
from predictor.parity.random_forest import random_forest
from searchrank.cli import Json, emit
from searchrank.features import OPERATORS, Evaluator, FeatureSet, FittedInput, Plan, fit
from searchrank.models import Ledger, Release, ReleaseDraft, profile_columns, write_release
from searchrank.workspace import Workspace

__all__ = ["parity"]

BATCHES: Final = (1, 7, 100)
ENVIRONMENTS: Final[Mapping[str, Mapping[str, str]]] = {
    "another process": {},
    "NUMBA_CPU_NAME=x86-64": {"NUMBA_CPU_NAME": "x86-64", "NUMBA_CPU_FEATURES": ""},
    "GLIBC_TUNABLES without FMA, AVX2": {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-FMA,-AVX2"},
}
LIVE_REQUESTS: Final = 100
MOST_NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class _Subject:
    """What is proved: definitions over everything, tables, and the matrix computed in one batch."""

    folder: Path
    feature_set: FeatureSet
    inputs: tuple[FittedInput, ...]
    plan: Plan
    raw: tables.Tables
    matrix: offline.Matrix


def parity(
    rows: Annotated[int, typer.Option(help="Random pairs to compare.", min=1_000)] = 100_000,
    json_: Json = False,
) -> None:
    """Prove that features and scores have the same bits everywhere, and that a release that lies is refused."""  # noqa: DOC501
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="searchrank-parity-") as folder:
        subject = _subject(Path(folder), rows, console)
        differing = _offline(subject, console)
        release = _release(subject)
        served, served_bits = _served(subject, release, console)
        planted, caught = _planted(subject, release, console)
    covered = definitions.covered(subject.inputs, subject.feature_set)
    total = sum(map(len, OPERATORS.values()))
    differing["a live server"] = served_bits
    figures = {
        "rows": rows,
        "differing_bits": sum(differing.values()),
        "operators": total,
        "operators_covered": len(covered),
        "mutants_planted": planted,
        "mutants_caught": caught,
        "served_rows": served,
        "digest": hashlib.sha256(subject.matrix.tobytes()).hexdigest(),
    }
    _print(figures, differing)
    if json_:
        emit(figures)
    if figures["differing_bits"] or caught < planted or len(covered) < total:
        raise typer.Exit(1)


def _subject(folder: Path, rows: int, console: Console) -> _Subject:
    feature_set = definitions.definitions()
    with console.status(f"drawing {rows:,} pairs"):
        raw = tables.draw(feature_set, rows)
        tables.write(raw, folder)
        half = tables.Tables(raw.items, raw.requests, raw.pairs.slice(0, rows // 2))
        items, pairs = offline.rows_of(feature_set, half)

    def evaluate(inputs: Any) -> Mapping[str, Any]:
        evaluator = Evaluator(Plan.compile(feature_set, inputs))
        return evaluator.evaluate_columns(evaluator.derive(items), pairs)

    inputs = fit(definitions.model_inputs(feature_set), evaluate)
    offline.store_plan(folder, feature_set, inputs)
    plan = Plan.compile(feature_set, inputs)
    with console.status("computing all pairs in one batch"):
        matrix = offline.compute(plan, raw, rows)
    return _Subject(folder, feature_set, inputs, plan, raw, matrix)


def _offline(subject: _Subject, console: Console) -> dict[str, int]:
    """Return differing bits by what was varied: the batch, the process, the processor, the C library."""
    differing = {}
    for batch in BATCHES:
        with console.status(f"batches of {batch}"):
            again = offline.compute(subject.plan, subject.raw, batch)
        differing[f"batches of {batch}"] = offline.differing_bits(again, subject.matrix)
    for name, variables in ENVIRONMENTS.items():
        with console.status(f"{name} (compiles its own kernels the first time)"):
            again = _in_process(subject.folder, variables)
        differing[name] = offline.differing_bits(again, subject.matrix)
    return differing


def _in_process(folder: Path, variables: Mapping[str, str]) -> offline.Matrix:
    target = folder / "again.npy"
    command = [sys.executable, "-m", "predictor.parity.offline", str(folder), "100000", str(target)]
    subprocess.run(command, env=os.environ | variables, check=True)  # noqa: S603
    matrix: offline.Matrix = np.load(target)
    return matrix


def _release(subject: _Subject) -> Path:
    """Write a release with a random forest over every column, proved by hostile golden rows."""
    raw, count = subject.raw, min(256, len(subject.raw.pairs))
    pairs = raw.pairs.take(pa.array(np.linspace(0, len(raw.pairs) - 1, count).astype(np.int64)))
    known = np.minimum(pairs.column("item").to_numpy(), len(raw.items) - 1)
    columns = {n: c for n, c in zip(pairs.column_names, pairs.columns, strict=True) if "." in n}
    for table, places in ((raw.items, known), (raw.requests, pairs.column("request").to_numpy())):
        taken = table.take(pa.array(places))
        columns |= {n: c for n, c in zip(taken.column_names, taken.columns, strict=True) if "." in n}
    draft = ReleaseDraft(
        name="parity",
        feature_set=subject.feature_set,
        inputs=subject.inputs,
        model=random_forest(subject.matrix, subject.plan.columns),
        golden=pa.table(columns),
        profile=profile_columns(subject.plan.columns, subject.matrix),
    )
    return write_release(Workspace(subject.folder).releases, draft)


def _sendable(raw: tables.Tables) -> tables.Tables:
    """Return tables as a caller can send them: recall columns belong to the server, infinite numbers are refused."""
    keep = [n for n in raw.pairs.column_names if not n.startswith("recall.")]
    return tables.Tables(raw.items, _finite(raw.requests), _finite(raw.pairs.select(keep)))


def _finite(table: pa.Table) -> pa.Table:
    for place, (name, column) in enumerate(zip(table.column_names, table.columns, strict=True)):
        if pa.types.is_floating(column.type):
            values = column.to_numpy()
            table = table.set_column(place, name, pa.array(values, mask=~np.isfinite(values)))
    return table


def _served(subject: _Subject, release: Path, console: Console) -> tuple[int, int]:
    """Return pairs asked of a live server and bits that differ; then promote a lie and see the old release go on."""
    workspace = Workspace(subject.folder)
    sent = _sendable(subject.raw)
    matrix = offline.compute(subject.plan, sent, len(sent.pairs))
    scores = Release.open(release).scorer.score(matrix)
    live.prepare(workspace, subject.feature_set, sent, release)
    with console.status("asking a live server"), live.worker(workspace) as target:
        asked = min(LIVE_REQUESTS, len(sent.requests))
        compared, differing = live.compare(target, sent, scores, matrix, asked)
        lie = policy_mutant(release, release.parent / "2-000000000000", "item.n")
        Ledger(workspace.ledger).promote(lie)
        if not live.promoted(target, "1"):
            differing += 1
    return compared, differing


def _planted(subject: _Subject, release: Path, console: Console) -> tuple[int, int]:
    planted = caught = 0
    missed = []
    with console.status("planting mutants") as status:
        for mutant in mutants(release, subject.folder / "mutants"):
            status.update(f"planting mutants: {planted} so far, now {mutant.name}")
            planted += 1
            if mutant.refusal():
                caught += 1
            else:
                missed.append(mutant.name)
    for name in missed[:MOST_NAMED]:
        console.print(f"[red]not caught:[/red] {name}")
    return planted, caught


def _print(figures: Mapping[str, Any], differing: Mapping[str, int]) -> None:
    table = Table(
        title=f"{figures['rows']:,} pairs, {figures['operators_covered']} of {figures['operators']} operators"
    )
    table.add_column("compared with one batch of all pairs")
    table.add_column("bits that differ", justify="right")
    for name, bits in differing.items():
        table.add_row(name, f"{bits:,}")
    table.add_row("mutants caught", f"{figures['mutants_caught']} of {figures['mutants_planted']}")
    Console().print(table)
    Console().print(f"digest {figures['digest']}")
