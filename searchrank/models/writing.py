"""From a trained model to a release: a folder that appears whole or not at all, and never changes."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from searchrank.durable import sync
from searchrank.errors import DataError
from searchrank.features import Evaluator, FeatureSet, FittedInput, Plan
from searchrank.models.card import write_card
from searchrank.models.effort import EFFORT, EffortCurve
from searchrank.models.environment import environment
from searchrank.models.golden import Outcome, compute, golden_table, raw_columns, sample, with_nothing
from searchrank.models.kinds import model_file, parse_scorer, tolerance
from searchrank.models.manifest import (
    CARD,
    FEATURES,
    GOLDEN,
    INPUTS,
    MANIFEST,
    PROFILE,
    Manifest,
    check_name,
    file_digest,
    versions,
)
from searchrank.models.storage import exclusive, write_file

__all__ = ["ReleaseDraft", "fingerprints_of", "write_release"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseDraft:
    """What training hands over.

    Attributes:
        name: Name of the model.
        feature_set: The definitions it was trained with.
        inputs: Fitted model inputs, in column order.
        model: LightGBM's ``model_to_string()``, the text of ``Linear``, or the content of an ONNX file.
        scorer: Which of them: ``lightgbm``, ``linear`` or ``onnx``.
        golden: Rows of raw inputs by input name, in the types of ``arrow_type`` or, for statistics, as
            ``record_columns`` gives them; absent columns are missing. At most 255 rows, evenly spaced, are kept, and
            one is added in which all is missing.
        reference: Raw scores of all rows of ``golden`` as the training library gives them; the release is refused
            if ours differ by more than ``tolerance`` allows its kind. None skips that.
        profile: ``profile_columns`` of the training matrix.
        lineage: Where data and code came from; JSON.
        metrics: Figures of the evaluation.
        effort: What less work would cost; None: not measured, and a server under overload does not do less.
    """

    name: str
    feature_set: FeatureSet
    inputs: tuple[FittedInput, ...]
    model: str | bytes
    scorer: str = "lightgbm"
    golden: pa.Table
    reference: npt.NDArray[np.float64] | None = None
    profile: pa.Table
    lineage: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    effort: EffortCurve | None = None


def fingerprints_of(plan: Plan, inputs_text: str) -> dict[str, str]:
    """Return the fingerprints that a release carries."""
    return {
        "features": plan.feature_set.fingerprint,
        "plan": plan.fingerprint,
        "inputs": hashlib.sha256(inputs_text.encode()).hexdigest(),
    }


def write_release(root: Path, draft: ReleaseDraft) -> Path:
    """Write a release under ``root`` as the next version of its name.

    Args:
        root: Folder of all releases.
        draft: What training hands over.

    Returns:
        ``<root>/<name>/<version>-<digest12>``.

    Raises:
        ConfigError: When the name, lineage or metrics cannot be stored.
        DataError: When the model does not fit the plan, golden rows do not fit the definitions, there are none, or
            our scores differ from the reference.
        DefinitionError: When the inputs do not fit the definitions.
        ConflictError: When another process goes on writing a release of this name.
    """
    check_name(draft.name)
    plan = Plan.compile(draft.feature_set, draft.inputs)
    golden = _prove(draft, plan)
    inputs_text = json.dumps([i.to_json() for i in draft.inputs], indent=1, ensure_ascii=False) + "\n"
    manifest = Manifest(
        name=draft.name,
        version=1,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        scorer=draft.scorer,
        columns=plan.columns,
        fingerprints=fingerprints_of(plan, inputs_text),
        lineage=dict(draft.lineage),
        metrics={name: float(value) for name, value in draft.metrics.items()},
        environment=environment(),
    )
    texts: dict[str, str | bytes] = {
        FEATURES: draft.feature_set.canonical,
        model_file(draft.scorer): draft.model,
        INPUTS: inputs_text,
    }
    if draft.effort is not None:
        texts[EFFORT] = draft.effort.to_text()
    return _publish(root / draft.name, manifest, texts, {GOLDEN: golden, PROFILE: draft.profile}, draft.effort)


def _prove(draft: ReleaseDraft, plan: Plan) -> pa.Table:
    """Return the golden table: raw rows, and what they give here and now.

    Raises:
        DataError: When there are no rows, they do not fit, a score is NaN, or the reference differs.
    """
    count = len(draft.golden)
    if not count:
        raise DataError("a release needs golden rows to prove itself by; hand in at least one", field="golden")
    scorer = parse_scorer(draft.scorer, draft.model, plan.columns)
    rows = sample(count)
    raw = with_nothing(raw_columns(draft.feature_set, draft.golden.take(pa.array(rows))))
    outcome = compute(raw, Evaluator(plan), scorer)
    unknown = int(np.isnan(outcome.scores).sum())
    if unknown:
        raise DataError(
            f"the model gives no number for {unknown} of {len(raw)} golden rows, in the last of which all is missing; "
            "give its inputs missing policies, or let the model itself say what NaN means",
            field="model",
        )
    if draft.reference is not None:
        if draft.reference.shape != (count,):
            raise DataError(f"{draft.reference.shape} scores for {count} golden rows", field="reference")
        _check_reference(outcome, draft.reference[rows], tolerance(draft.scorer))
    return golden_table(raw, outcome)


def _check_reference(outcome: Outcome, reference: npt.NDArray[np.float64], close: float) -> None:
    """Compare our scores with the training library's.

    Raises:
        DataError: When one differs by more than it may; without tolerance, by a bit.
    """
    ours = outcome.scores[: reference.size]
    reference = reference.astype(np.float64)
    same = np.isclose(ours, reference, rtol=close, atol=close) if close else ours.view("i8") == reference.view("i8")
    differing = np.flatnonzero(~same)
    if differing.size:
        row = int(differing[0])
        raise DataError(
            f"{differing.size} of {reference.size} golden scores differ from the training library's; the first, "
            f"{float(ours[row])!r} instead of {float(reference[row])!r}: was it trained on this plan's columns?",
            field="reference",
        )


def _publish(
    folder: Path,
    manifest: Manifest,
    texts: Mapping[str, str | bytes],
    tables: Mapping[str, pa.Table],
    effort: EffortCurve | None,
) -> Path:
    """Write all files beside their place, then rename the folder into it."""
    folder.mkdir(parents=True, exist_ok=True)
    with exclusive(folder / ".lock"):
        manifest = replace(manifest, version=max(versions(folder), default=0) + 1)
        draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=folder))
        try:
            card = write_card(manifest, tables[PROFILE], len(tables[GOLDEN]), effort)
            for name, text in {**texts, CARD: card}.items():
                write_file(draft / name, text.encode() if isinstance(text, str) else text)
            for name, table in tables.items():
                write_file(draft / name, _arrow(table))
            files = {path.name: file_digest(path) for path in sorted(draft.iterdir())}
            manifest = replace(manifest, files=files)
            write_file(draft / MANIFEST, manifest.to_text().encode())
            draft.chmod(0o755)
            target = draft.rename(folder / manifest.folder)
        except BaseException:
            shutil.rmtree(draft)
            raise
        sync(folder)
        return target


def _arrow(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())
