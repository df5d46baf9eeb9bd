"""Training: from the event log, or prepared files, to a measured, registered, live release.

Stability: what is listed in ``__all__`` is public and kept. The names are imported when they are first used, so that
``searchrank release list`` does not wait for what training needs; LightGBM, SciPy and MLflow are imported later still.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trainer.evaluate import Evaluation
    from trainer.job import Job, Trial
    from trainer.metrics import EmptyQueries, auc, average_precision, mean, ndcg, reciprocal_rank
    from trainer.prepared import train_prepared
    from trainer.promotion import Change, promote, roll_back
    from trainer.publishing import publish
    from trainer.ranking import Ranking
    from trainer.registry import Registry
    from trainer.significance import Interval, bootstrap, paired_bootstrap
    from trainer.train import evaluate_release

__all__ = [
    "Change",
    "EmptyQueries",
    "Evaluation",
    "Interval",
    "Job",
    "Ranking",
    "Registry",
    "Trial",
    "auc",
    "average_precision",
    "bootstrap",
    "evaluate_release",
    "mean",
    "ndcg",
    "paired_bootstrap",
    "promote",
    "publish",
    "reciprocal_rank",
    "roll_back",
    "train_prepared",
]

_HOMES = {
    "evaluate": ("Evaluation",),
    "job": ("Job", "Trial"),
    "metrics": ("EmptyQueries", "auc", "average_precision", "mean", "ndcg", "reciprocal_rank"),
    "prepared": ("train_prepared",),
    "promotion": ("Change", "promote", "roll_back"),
    "publishing": ("publish",),
    "ranking": ("Ranking",),
    "registry": ("Registry",),
    "significance": ("Interval", "bootstrap", "paired_bootstrap"),
    "train": ("evaluate_release",),
}


def __getattr__(name: str) -> Any:
    """Import a public name from where it lives.

    Raises:
        AttributeError: When there is no such name.
    """
    for module, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(f"trainer.{module}"), name)
    raise AttributeError(f"module 'trainer' has no attribute {name!r}")
