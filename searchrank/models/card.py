"""A release in words: what it is, what it learnt from, how well it does, what it may not be used for."""

from __future__ import annotations

import json

import pyarrow as pa

from searchrank.models.effort import EffortCurve
from searchrank.models.manifest import Manifest

__all__ = ["write_card"]


def write_card(manifest: Manifest, profile: pa.Table, golden_rows: int, effort: EffortCurve | None = None) -> str:
    """Write ``card.md``.

    Args:
        manifest: The release; its files need not be known yet.
        profile: ``profile_columns`` of the training matrix.
        golden_rows: Number of rows in the proof.
        effort: What less work would cost; None: not measured.
    """
    return "\n".join(
        [
            f"# {manifest.name}, version {manifest.version}",
            "",
            f"A {manifest.scorer} model over {len(manifest.columns)} inputs, made {manifest.created}.",
            "",
            "## Data and code",
            "",
            *(_facts(manifest.lineage) or ["Not recorded."]),
            "",
            "## Evaluation",
            "",
            "| metric | value |",
            "| --- | ---: |",
            *(f"| {name} | {value:.6g} |" for name, value in manifest.metrics.items()),
            "",
            "## Less work",
            "",
            *_effort(effort),
            "",
            "## Inputs",
            "",
            "| column | missing | min | mean | max |",
            "| --- | ---: | ---: | ---: | ---: |",
            *(_input_row(row) for row in profile.to_pylist() if row.get("source") is None),
            "",
            "## Limits",
            "",
            f"- Scores are comparable within one request of this version only. {golden_rows} golden rows prove that",
            "  features and scores have the bits they had when it was made; a loader refuses it otherwise.",
            "- It knows what its data held: places, times and users unlike those in the data are extrapolation.",
            "- Values far outside the ranges above were never seen in training.",
            "",
            "## Fingerprints",
            "",
            *(f"- {name}: `{value}`" for name, value in manifest.fingerprints.items()),
            "",
            "## Made on",
            "",
            *_facts(manifest.environment),
            "",
        ]
    )


def _effort(curve: EffortCurve | None) -> list[str]:
    if curve is None:
        return ["Not measured: a server with too much to do refuses requests, but does not do less for one."]
    return [
        f"NDCG@10 when only the first of the candidates are scored, by the first trees alone ({curve.lists} lists of",
        f"{curve.length:.0f} on average):",
        "",
        *curve.table(),
    ]


def _facts(values: object) -> list[str]:
    if not isinstance(values, dict):
        return []
    return [f"- {k}: {v if isinstance(v, str) else json.dumps(v, ensure_ascii=False)}" for k, v in values.items()]


def _input_row(row: dict[str, float | str | None]) -> str:
    numbers = [row["min"], row["mean"], row["max"]]
    shown = ["-" if value is None else f"{value:.6g}" for value in numbers]
    return f"| {row['column']} | {float(row['missing_share'] or 0):.1%} | {' | '.join(shown)} |"
