"""One way to learn a model of any kind, and what every learnt model has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from searchrank.errors import ConfigError
from searchrank.project import FOREST
from trainer.boosting import boost
from trainer.logistic import LogisticSettings, regress
from trainer.neural import settings_of, train_network
from trainer.parameters import merge

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    import numpy.typing as npt

    from searchrank.project import ModelSpec
    from trainer.boosting import Lists

__all__ = ["Learnt", "learn_model", "with_parameters"]

DEFAULTS: Final[Mapping[str, object]] = {
    "num_iterations": 500,
    "learning_rate": 0.05,
    "num_leaves": 15,
    "min_data_in_leaf": 50,
    "feature_fraction": 0.8,
    "bagging_freq": 1,
    "bagging_fraction": 0.8,
    # Codes of many values invite trees to learn them by heart.
    "cat_smooth": 50,
    "cat_l2": 50,
    "min_data_per_group": 200,
    "early_stopping_round": 50,
}


class Learnt(Protocol):
    """A trained model: a forest's ``Model``, a ``LogisticModel`` or a ``NeuralModel``."""

    @property
    def scorer(self) -> str:
        """Its kind, as in ``ReleaseDraft``."""
        ...

    @property
    def content(self) -> str | bytes:
        """What a release keeps of it."""
        ...

    @property
    def trees(self) -> int:
        """Trees of a forest, 0 of anything else."""
        ...

    @property
    def parameters(self) -> Mapping[str, object]:
        """What it was trained with."""
        ...

    def score(self, matrix: Any) -> npt.NDArray[np.float64]:
        """Return the training library's scores, shape (n,), of a matrix (n, f)."""
        ...


def with_parameters(spec: ModelSpec, parameters: Mapping[str, object] | None) -> ModelSpec:
    """Return a specification with LightGBM parameters over its own.

    Raises:
        ConfigError: When it is not of a forest, or names one parameter twice.
    """
    if not parameters:
        return spec
    if spec.kind != FOREST:
        raise ConfigError(
            f"--params takes LightGBM's parameters and the model is {spec.kind}; write them under its params:",
            field="--params",
        )
    return spec.model_copy(update={"params": merge(spec.params, parameters)})


def learn_model(
    spec: ModelSpec,
    train: Lists,
    valid: Lists | None,
    *,
    categorical: Sequence[int],
    progress: Callable[[int, int], None] | None = None,
) -> Learnt:
    """Train what a specification asks for.

    Args:
        spec: Kind and parameters.
        train: Rows to learn from.
        valid: Rows that decide when to stop. None: a forest takes all rounds, a network sets lists
            aside; regression never looks at them.
        categorical: Columns that hold codes, not quantities.
        progress: Called with (rounds done, rounds asked for).

    Raises:
        ConfigError: When the parameters are refused, or a library is missing.
        DataError: When there is nothing to learn from.
    """
    if spec.kind == FOREST:
        return boost(train, valid, merge(DEFAULTS, spec.params), categorical=categorical, progress=progress)
    if spec.kind == "logistic":
        return regress(train, LogisticSettings.of(spec.params), categorical=categorical, progress=progress)
    settings = settings_of(spec.params)
    return train_network(spec.kind, (train, valid), settings, categorical=categorical, progress=progress)
