"""LambdaMART on lists of recommendations: what recall found at earlier cuts, and what people liked after them.

Inputs, parameters and the number of trees were settled on the inner split (``docs/log.md``): trees grown on the lists
of earlier cuts, judged by the lists of the next one. What is held out at last is judged by once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from searchrank.features import Evaluator, ModelInput, Plan, fit
from searchrank.models import ReleaseDraft, profile_columns
from trainer.boosting import Lists as Labelled
from trainer.boosting import Model, boost
from trainer.fit import DEFAULTS
from trainer.golden import golden_rows
from trainer.parameters import merge
from trainer.samples import matrix

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from examples.movies.level import Level, Lists
    from searchrank.project import ModelSpec

    Begin = Callable[[str], Callable[[int, int], None]]

__all__ = ["Fitted", "columns_of", "fit_levels", "release_draft"]

LEARNT: Final = 250
"""Candidates of each user that are learnt from: the first by fusion, the hardest to tell apart."""


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A trained ranking of movies.

    Attributes:
        plan: Computes its columns.
        model: The forest.
        profile: What the columns looked like.
        users: Lists it learnt from.
        rows: Rows in them.
    """

    plan: Plan
    model: Model
    profile: pa.Table
    users: int
    rows: int


def fit_levels(spec: ModelSpec, levels: Sequence[Level], begin: Begin) -> Fitted:
    """Fit a forest.

    Args:
        spec: Inputs and parameters; the inputs have no transforms that are fitted.
        levels: Cuts; the lists of all are learnt from.
        begin: Begins a named step.

    Raises:
        DefinitionError: When an input does not exist.
        ConfigError: When LightGBM refuses the parameters.
    """
    feature_set = levels[0].feature_set
    inputs = fit([ModelInput.parse(text, feature_set) for text in spec.inputs], lambda _partly: {})
    plan = Plan.compile(feature_set, inputs)
    begin("features of the inner splits")
    lists = [_labelled(level, plan) for level in levels]
    everything = _joined(lists)
    model = boost(everything, None, merge(DEFAULTS, spec.params), progress=begin("training"))
    profile = profile_columns(plan.columns, np.ascontiguousarray(everything.matrix.T))
    return Fitted(plan, model, profile, len(everything.sizes), len(everything.labels))


def columns_of(level: Level, lists: Lists, plan: Plan) -> npt.NDArray[np.float32]:
    """Return the model columns of all candidates, shape (f, n)."""
    evaluator = Evaluator(plan)
    return matrix(lists.samples, level.snapshot, evaluator, evaluator.derive(level.snapshot.catalogue.records))


def release_draft(
    name: str, fitted: Fitted, level: Level, lists: Lists, facts: tuple[pa.Table, Mapping[str, float]]
) -> ReleaseDraft:
    """Return a release with golden rows of what it is judged by, proved against LightGBM's own scores.

    Args:
        name: Name of the model.
        fitted: What was trained.
        level: Gives the golden rows' state.
        lists: Gives the golden rows.
        facts: The raw catalogue and the figures of the evaluation.
    """
    items, metrics = facts
    golden, rows = golden_rows(lists.samples, level.snapshot, items, None)
    evaluator = Evaluator(fitted.plan)
    columns = evaluator.evaluate(evaluator.derive(level.snapshot.catalogue.records), rows)
    parameters = {key: value for key, value in fitted.model.parameters.items() if key != "num_threads"}
    return ReleaseDraft(
        name=name,
        feature_set=fitted.plan.feature_set,
        inputs=fitted.plan.inputs,
        model=fitted.model.text,
        golden=golden,
        reference=fitted.model.score(columns.T),
        profile=fitted.profile,
        lineage={
            "data": "MovieLens, known parts of every user's ratings",
            "lists": fitted.users,
            "rows": fitted.rows,
            "trees": fitted.model.trees,
            "parameters": parameters,
        },
        metrics=metrics,
    )


def _labelled(level: Level, plan: Plan) -> Labelled:
    """Return the rows of users for whom recall found something they liked later: others order nothing."""
    lists = level.lists(LEARNT)
    useful = lists.samples.select(lists.samples.has_relevant)
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
