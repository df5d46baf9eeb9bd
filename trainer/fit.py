"""From samples to a trained plan and model: split by time, fit transforms, learn."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from searchrank.errors import DataError
from searchrank.features import Evaluator, FittedInput, ModelInput, Plan, fit
from searchrank.models import profile_columns
from trainer.boosting import Lists
from trainer.learnt import Learnt, learn_model, with_parameters
from trainer.samples import Samples, matrix

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from searchrank.features.snapshot import Snapshot
    from searchrank.project import ModelSpec

__all__ = ["Split", "Trained", "columns_by_name", "fit_inputs", "fit_model", "split_by_time"]

Progress = Callable[[int, int], None]

_logger = logging.getLogger(__name__)

_DAY_US: Final = 86_400 * 10**6
_FITTING_ROWS: Final = 200_000


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Samples before, between and after two moments.

    Attributes:
        train: To learn from.
        valid: To stop training by.
        test: To measure on, once.
    """

    train: Samples
    valid: Samples
    test: Samples


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A plan with fitted transforms, and the model on its columns.

    Attributes:
        plan: Computes the columns.
        model: The model.
        profile: What the columns looked like (``profile_columns``).
        rows: Rows it learnt from.
        skipped: Requests of the training part left out because nothing in them was relevant.
    """

    plan: Plan
    model: Learnt
    profile: pa.Table
    rows: int
    skipped: int


def split_by_time(samples: Samples, *, valid: float = 0.1, test: float = 0.2) -> Split:
    """Cut samples at the nearest midnights UTC, the last days for test; less than ten days are cut anywhere.

    Args:
        samples: By time.
        valid: Share of the time span between train and test.
        test: Share of the time span at the end.

    Raises:
        DataError: When a part would be empty.
    """
    times = samples.times
    first, last = int(times[0]), int(times[-1]) + 1
    unit = _DAY_US if last - first >= 10 * _DAY_US else 1
    cuts = [
        first,
        *((int(last - share * (last - first)) + unit // 2) // unit * unit for share in (valid + test, test)),
        last,
    ]
    parts = [samples.select((times >= a) & (times < b)) for a, b in itertools.pairwise(cuts)]
    for name, part in zip(("train", "valid", "test"), parts, strict=True):
        if not part.has_relevant.any():
            raise DataError(f"no request in the {name} part of the event log has a click or the like; more is needed")
    return Split(*parts)


def fit_model(
    spec: ModelSpec,
    split: Split,
    snapshot: Snapshot,
    *,
    parameters: Mapping[str, object] | None = None,
    progress: Callable[[str], Progress] | None = None,
) -> Trained:
    """Fit transforms and a model on the training part, stopping by the valid part.

    Requests in which nothing was relevant are left out: they order nothing. How likely a place in the list was to be
    looked at is learnt beside the model and left out of its scores.

    Args:
        spec: Inputs and parameters.
        split: The samples.
        snapshot: What was known when.
        parameters: LightGBM parameters over the specification's.
        progress: Begins a named step and gives what to call with (done, of).

    Raises:
        DefinitionError: When an input does not exist or does not fit.
        ConfigError: When the parameters are refused.
    """
    spec = with_parameters(spec, parameters)
    begin = progress or (lambda _name: lambda _done, _of: None)
    train, valid = (part.select(part.has_relevant) for part in (split.train, split.valid))
    feature_set = train.feature_set
    inputs = [ModelInput.parse(text, feature_set) for text in spec.inputs]
    fitted = fit_inputs(inputs, train, snapshot, begin("fitting transforms"))
    plan = Plan.compile(feature_set, fitted)
    evaluator = Evaluator(plan)
    block = evaluator.derive(train.items(snapshot))
    lists = [
        Lists(
            matrix(part, snapshot, evaluator, block, begin(f"features, {name}")).T,
            part.labels,
            part.sizes,
            part.positions if (part.positions >= 0).all() else None,
        )
        for name, part in (("train", train), ("valid", valid))
    ]
    codes = [k for k, item in enumerate(fitted) if item.categorical]
    model = learn_model(spec, lists[0], lists[1], categorical=codes, progress=begin("training"))
    profile = profile_columns(plan.columns, lists[0].matrix.T)
    _warn_of_nothing(profile)
    return Trained(plan, model, profile, len(train), len(split.train.sizes) - len(train.sizes))


def _warn_of_nothing(profile: pa.Table) -> None:
    """Name the columns that were missing in every row: serving may know what nothing was learnt about."""
    silent = [row["column"] for row in profile.to_pylist() if row["missing_share"] == 1.0]
    if silent:
        _logger.warning(
            "nothing was learnt about %s: missing in every training row; is it in the event log or the catalogue?",
            ", ".join(silent),
        )


def fit_inputs(
    inputs: Sequence[ModelInput], train: Samples, snapshot: Snapshot, progress: Progress
) -> tuple[FittedInput, ...]:
    """Fit every transform on at most some 200,000 rows, whole requests spread over the training part."""
    every = max(1, -(-len(train) // _FITTING_ROWS))
    part = train.select(np.arange(len(train.sizes)) % every == 0)

    def evaluate(partly: Sequence[FittedInput]) -> Mapping[str, npt.NDArray[Any]]:
        return columns_by_name(part, snapshot, Plan.compile(part.feature_set, partly), progress)

    return fit(inputs, evaluate)


def columns_by_name(
    samples: Samples, snapshot: Snapshot, plan: Plan, progress: Progress = lambda _done, _of: None
) -> dict[str, npt.NDArray[Any]]:
    """Return the columns of a plan, categories as hashes, for every impression."""
    evaluator = Evaluator(plan)
    block = evaluator.derive(samples.items(snapshot))
    found: dict[str, list[npt.NDArray[Any]]] = {name: [] for name in plan.columns}
    for first, last in samples.parts():
        rows = samples.encode(first, last, snapshot)
        for name, values in evaluator.evaluate_columns(block, rows).items():
            found[name].append(values)
        progress(last, len(samples.sizes))
    return {name: np.concatenate(parts) for name, parts in found.items()}
