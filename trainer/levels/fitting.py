"""Learning from lists of recommendations: what recall found at earlier cuts, and what people chose after them.

A forest has as many trees as the parameters say: a few hundred lists are too few to stop by.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from searchrank.errors import DataError
from searchrank.features import Evaluator, ModelInput, Plan
from searchrank.models import ReleaseDraft, profile_columns
from trainer.boosting import Lists as Labelled
from trainer.fit import fit_inputs
from trainer.golden import golden_rows
from trainer.learnt import Learnt, learn_model
from trainer.samples import Samples, matrix

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from searchrank.project import ModelSpec
    from trainer.levels.level import Level, Lists

    Begin = Callable[[str], Callable[[int, int], None]]

__all__ = ["Fitted", "ReleaseFacts", "columns_of", "fit_levels", "release_draft"]

LEARNT: Final = 250
"""Candidates of each user that are learnt from: the first by fusion, the hardest to tell apart."""


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A trained ranking.

    Attributes:
        plan: Computes its columns.
        model: The model.
        profile: What the columns looked like.
        users: Lists it learnt from.
        rows: Rows in them.
    """

    plan: Plan
    model: Learnt
    profile: pa.Table
    users: int
    rows: int


def fit_levels(spec: ModelSpec, levels: Sequence[Level], begin: Begin) -> Fitted:
    """Fit a model.

    Args:
        spec: Inputs and parameters.
        levels: Cuts; the lists of all are learnt from.
        begin: Begins a named step.

    Raises:
        DefinitionError: When an input does not exist.
        ConfigError: When the parameters are refused.
        DataError: When recall finds nothing of what was wanted.
    """
    feature_set = levels[0].feature_set
    begin("what recall finds for everybody")
    useful = [_useful(level) for level in levels]
    inputs = [ModelInput.parse(text, feature_set) for text in spec.inputs]
    fitted = fit_inputs(inputs, useful[0], levels[0].snapshot, begin("fitting transforms"))
    plan = Plan.compile(feature_set, fitted)
    begin("features of what was found")
    everything = _joined([_labelled(level, samples, plan) for level, samples in zip(levels, useful, strict=True)])
    codes = [k for k, item in enumerate(fitted) if item.categorical]
    model = learn_model(spec, everything, None, categorical=codes, progress=begin("training"))
    profile = profile_columns(plan.columns, np.ascontiguousarray(everything.matrix.T))
    return Fitted(plan, model, profile, len(everything.sizes), len(everything.labels))


def columns_of(level: Level, lists: Lists, plan: Plan) -> npt.NDArray[np.float32]:
    """Return the model columns of all candidates, shape (f, n)."""
    evaluator = Evaluator(plan)
    return matrix(lists.samples, level.snapshot, evaluator, evaluator.derive(level.snapshot.catalogue.records))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ReleaseFacts:
    """What a release says of itself beside its model.

    Attributes:
        items: The raw catalogue.
        users: The raw profiles, or None.
        data: What it was learnt from, in words.
        metrics: Figures of the evaluation.
    """

    items: pa.Table
    users: pa.Table | None = None
    data: str
    metrics: Mapping[str, float]


def release_draft(name: str, fitted: Fitted, level: Level, lists: Lists, facts: ReleaseFacts) -> ReleaseDraft:
    """Return a release with golden rows of what it is judged by, proved against the training library's own scores.

    Args:
        name: Name of the model.
        fitted: What was trained.
        level: Gives the golden rows' state.
        lists: Gives the golden rows.
        facts: What it says beside its model.
    """
    golden, rows = golden_rows(lists.samples, level.snapshot, facts.items, facts.users)
    evaluator = Evaluator(fitted.plan)
    columns = evaluator.evaluate(evaluator.derive(level.snapshot.catalogue.records), rows)
    parameters = {key: value for key, value in fitted.model.parameters.items() if key != "num_threads"}
    return ReleaseDraft(
        name=name,
        feature_set=fitted.plan.feature_set,
        inputs=fitted.plan.inputs,
        model=fitted.model.content,
        scorer=fitted.model.scorer,
        golden=golden,
        reference=fitted.model.score(columns.T),
        profile=fitted.profile,
        lineage={
            "data": facts.data,
            "lists": fitted.users,
            "rows": fitted.rows,
            "trees": fitted.model.trees,
            "parameters": parameters,
        },
        metrics=facts.metrics,
    )


def _useful(level: Level) -> Samples:
    """Return the lists in which recall found something that was wanted later: others order nothing.

    Raises:
        DataError: When there are none.
    """
    samples = level.lists(LEARNT).samples
    useful = samples.select(samples.has_relevant)
    if not len(useful.sizes):
        raise DataError("recall found nothing of what people wanted later, so nothing can be learnt: see recall:")
    return useful


def _labelled(level: Level, useful: Samples, plan: Plan) -> Labelled:
    """Return the rows of lists with their features."""
    evaluator = Evaluator(plan)
    columns = matrix(useful, level.snapshot, evaluator, evaluator.derive(level.snapshot.catalogue.records))
    return Labelled(columns.T, useful.labels, useful.sizes)


def _joined(parts: Sequence[Labelled]) -> Labelled:
    """Return the lists of several levels one after the other."""
    return Labelled(
        np.concatenate([part.matrix for part in parts]),
        np.concatenate([part.labels for part in parts]),
        np.concatenate([part.sizes for part in parts]),
    )
