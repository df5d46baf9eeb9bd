"""A weighted sum with weights that a person chose: a ranking for those who have nothing to learn from yet."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from searchrank.errors import ConfigError, DataError
from searchrank.features import Evaluator, ModelInput, Plan
from searchrank.models import Linear, Manifest, ReleaseDraft, profile_columns, write_release
from trainer.evaluate import MODEL, Evaluation
from trainer.fit import fit_inputs
from trainer.golden import golden_rows
from trainer.job import Trial
from trainer.samples import Samples, matrix
from trainer.state import open_state, raw_tables

if TYPE_CHECKING:
    from trainer.job import Job

__all__ = ["weigh"]

_ROWS: Final = 200


def weigh(job: Job) -> Trial:
    """Write a release whose score is the weighted sum of a model's inputs.

    It proves itself by items of the catalogue, each asked for by its title.

    Args:
        job: A model with ``weights:``.

    Raises:
        ConfigError: When a weight names no input.
        DefinitionError: When an input is wrong.
        DataError: When the catalogue is empty.
    """
    unknown = next((name for name in job.spec.weights if name not in job.spec.inputs), None)
    if unknown is not None:
        raise ConfigError(f"{unknown!r} is not among the model's inputs", field="weights")
    scorer = Linear(tuple(job.spec.weights.get(name, 0.0) for name in job.spec.inputs))
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
        model=scorer.to_text(),
        scorer="linear",
        golden=golden,
        profile=profile_columns(plan.columns, columns),
        lineage={"data": "none: the weights were chosen by hand", "weights": dict(job.spec.weights)},
    )
    folder = write_release(job.workspace.releases, draft)
    nothing = Evaluation(0, exploration=False, metrics={MODEL: {"ndcg@10": math.nan}}, differences={})
    return Trial(
        folder=folder,
        manifest=Manifest.read(folder),
        evaluation=nothing,
        rows=0,
        trees=0,
        parameters={f"weight.{name}": weight for name, weight in job.spec.weights.items()},
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
