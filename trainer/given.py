"""A release of a model that was not trained here: weights that a person chose, or a file that another program made."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from searchrank.errors import DataError
from searchrank.features import Evaluator, ModelInput, Plan
from searchrank.models import Manifest, ReleaseDraft, profile_columns, write_release
from trainer.evaluation.comparison import MODEL, Evaluation
from trainer.fit import fit_inputs
from trainer.golden import golden_rows
from trainer.job import Trial
from trainer.samples import Samples, matrix
from trainer.state import open_state, raw_tables

if TYPE_CHECKING:
    from trainer.job import Job

__all__ = ["Given", "release_of"]

_ROWS: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A finished model.

    Attributes:
        scorer: Its kind, as in ``ReleaseDraft``.
        content: Its content, likewise.
        lineage: Where it came from.
        parameters: What is noted of its making.
        trees: Trees of a forest, 0 of anything else.
    """

    scorer: str
    content: str | bytes
    lineage: Mapping[str, Any]
    parameters: Mapping[str, object]
    trees: int = 0


def release_of(job: Job, given: Given) -> Trial:
    """Write a release of a finished model that reads a job's inputs, in their order.

    It proves itself by items of the catalogue, each asked for by its title.

    Args:
        job: Whose inputs it reads.
        given: The model.

    Raises:
        DefinitionError: When an input is wrong.
        DataError: When the catalogue is empty, or the model does not fit the inputs.
    """
    items, users = raw_tables(job.workspace, job.feature_set, job.log)
    if not len(items):
        raise DataError(f"{job.workspace.items} holds no items")
    samples = _asked_for(job, items)
    inputs = [ModelInput.parse(text, job.feature_set) for text in job.spec.inputs]
    with open_state(job.workspace, job.feature_set, job.log, 0) as snapshot:
        plan = Plan.compile(job.feature_set, fit_inputs(inputs, samples, snapshot, lambda _done, _of: None))
        golden, _ = golden_rows(samples, snapshot, items, users)
        evaluator = Evaluator(plan)
        columns = matrix(samples, snapshot, evaluator, evaluator.derive(snapshot.catalogue.records))
    draft = ReleaseDraft(
        name=job.name,
        feature_set=job.feature_set,
        inputs=plan.inputs,
        model=given.content,
        scorer=given.scorer,
        golden=golden,
        profile=profile_columns(plan.columns, columns),
        lineage=given.lineage,
    )
    folder = write_release(job.workspace.releases, draft)
    nothing = Evaluation(0, exploration=False, metrics={MODEL: {"ndcg@10": math.nan}}, differences={})
    return Trial(
        folder=folder,
        manifest=Manifest.read(folder),
        evaluation=nothing,
        rows=0,
        trees=given.trees,
        parameters=given.parameters,
    )


def _asked_for(job: Job, items: pa.Table) -> Samples:
    """Return requests for single items by their titles."""
    rows = np.linspace(0, len(items) - 1, min(_ROWS, len(items))).round().astype(int)
    ids = items.column("item_id").cast(pa.string()).take(pa.array(rows)).combine_chunks()
    title = job.surface.title if job.surface is not None else ""
    known = title in items.column_names and pa.types.is_string(items.schema.field(title).type)
    texts = items.column(title).take(pa.array(rows)).combine_chunks() if known else pa.nulls(len(rows), pa.string())
    count = len(rows)
    return Samples(
        feature_set=job.feature_set,
        requests=pa.table({"request_id": ids, "user_id": pa.nulls(count, pa.string()), "query": texts}),
        impressions=pa.table({"item_id": ids}),
        times=np.full(count, time.time_ns() // 1_000),
        sizes=np.ones(count, np.int64),
        positions=np.full(count, -1),
        labels=np.zeros(count, np.float32),
    )
