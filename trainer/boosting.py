"""LambdaMART by LightGBM, the same on every run: fixed seeds, deterministic sums.

Valid rows stop training by NDCG at the depth the gradient sees (``lambdarank_truncation_level``): shallower
cut-offs swing more from tree to tree than the model does.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from searchrank.errors import ConfigError
from trainer.parameters import Parameters, merge

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt
    from lightgbm import Booster, Dataset

__all__ = ["Lists", "Model", "boost"]

_ALWAYS: Final = {
    "objective": "lambdarank",
    "metric": "ndcg",
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}
_PATIENCE: Final = 50
_LARGE: Final = 10_000_000
_DEPTH: Final = 30  # LightGBM's own default


@dataclass(frozen=True, slots=True, eq=False)
class Lists:
    """Labelled rows, query after query.

    Attributes:
        matrix: (n, f) features, a numpy array or a SciPy CSR matrix.
        labels: (n,) whole grades from 0.
        sizes: (q,) rows of each query.
        positions: (n,) 0-based place at which each row was shown, or None; training then learns, beside the forest,
            how much a place adds (unbiased LambdaMART), which scores leave out.
    """

    matrix: Any
    labels: npt.NDArray[np.float32]
    sizes: npt.NDArray[np.int64]
    positions: npt.NDArray[np.int64] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A trained forest.

    Attributes:
        booster: LightGBM's handle.
        trees: Trees that count: those up to the best round on the valid rows.
        parameters: What it was trained with, all defaults filled in by us.
        scorer: Its kind in a release.
    """

    booster: Booster
    trees: int
    parameters: Parameters
    scorer: str = "lightgbm"

    @property
    def content(self) -> str:
        """The forest in LightGBM's text format, counted trees alone."""
        return self.text

    @property
    def text(self) -> str:
        """The forest in LightGBM's text format, counted trees alone."""
        return str(self.booster.model_to_string(num_iteration=self.trees))

    def score(self, matrix: Any) -> npt.NDArray[np.float64]:
        """Return raw scores, shape (n,), of a matrix (n, f)."""
        scores: npt.NDArray[np.float64] = self.booster.predict(matrix, num_iteration=self.trees, raw_score=True)
        return scores


def boost(
    train: Lists,
    valid: Lists | None,
    parameters: Mapping[str, object],
    *,
    categorical: Sequence[int] = (),
    progress: Callable[[int, int], None] | None = None,
) -> Model:
    """Train LambdaMART.

    Args:
        train: Rows to learn from.
        valid: Rows whose NDCG decides when to stop, or None for all rounds.
        parameters: LightGBM parameters over LightGBM's own defaults; ``early_stopping_round`` 0 never stops.
        categorical: Columns that hold codes, not quantities.
        progress: Called with (rounds done, rounds asked for).

    Raises:
        ConfigError: When LightGBM refuses the parameters or the data.
    """
    import lightgbm  # noqa: PLC0415 - heavy

    settings = merge({"num_threads": _threads(train)}, parameters) | _always(parameters)
    rounds = _whole(settings.pop("num_iterations", 100), "num_iterations")
    patience = _whole(settings.pop("early_stopping_round", _PATIENCE), "early_stopping_round")
    callbacks: list[Callable[..., Any]] = [_report(progress)] if progress else []
    if valid is not None and patience:
        callbacks.append(lightgbm.early_stopping(patience, first_metric_only=True, verbose=False))
    try:
        data = _dataset(train, settings, categorical)
        watched = [] if valid is None else [_dataset(valid, settings, categorical, data)]
        booster = lightgbm.train(dict(settings), data, rounds, valid_sets=watched, callbacks=callbacks)
    except lightgbm.basic.LightGBMError as error:
        raise ConfigError(f"LightGBM refused: {error}", field="params") from error
    trees = booster.best_iteration if booster.best_iteration > 0 else booster.current_iteration()
    return Model(booster, trees, settings | {"num_iterations": rounds, "early_stopping_round": patience})


def _threads(train: Lists) -> int:
    """Return how many threads to use; on small data they wait for each other, and the result is the same."""
    rows, columns = train.matrix.shape
    return 1 if rows * columns < _LARGE else len(os.sched_getaffinity(0))


def _always(parameters: Mapping[str, object]) -> Parameters:
    """Return the settings that no parameter file changes; the objective is the user's if named."""
    chosen = merge({}, parameters)
    depth = chosen.get("lambdarank_truncation_level", _DEPTH)
    return _ALWAYS | {"objective": chosen.get("objective", _ALWAYS["objective"]), "eval_at": [depth]}


def _whole(value: object, name: str) -> int:
    """Return a count.

    Raises:
        ConfigError: When it is none.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ConfigError(f"{value!r} is not a number of rounds", field=name)
    return value


def _dataset(
    lists: Lists, settings: Parameters, categorical: Sequence[int], reference: Dataset | None = None
) -> Dataset:
    """Hand rows to LightGBM."""
    import lightgbm  # noqa: PLC0415 - heavy

    return lightgbm.Dataset(
        lists.matrix,
        lists.labels,
        group=lists.sizes,
        reference=reference,
        categorical_feature=list(categorical),
        position=None if lists.positions is None else lists.positions.astype(np.int32),
        params=dict(settings),
    )


def _report(progress: Callable[[int, int], None]) -> Callable[[Any], None]:
    """Return the callback that tells how far training is."""

    def report(state: Any) -> None:
        progress(state.iteration + 1 - state.begin_iteration, state.end_iteration - state.begin_iteration)

    return report
