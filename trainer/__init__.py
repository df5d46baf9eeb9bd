"""Training: from the event log, or prepared files, to a measured, registered, live release; see also ``evaluation``.

Stability: what is listed in ``__all__`` is public and kept. The names are imported when they are first used, so that
``searchrank release list`` does not wait for what training needs; LightGBM, SciPy and MLflow are imported later still.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trainer.job import Job, Trial
    from trainer.prepared import train_prepared
    from trainer.promotion import Change, Terms, promote, roll_back
    from trainer.publishing import publish
    from trainer.registry import Registry
    from trainer.train import evaluate_release

__all__ = [
    "Change",
    "Job",
    "Registry",
    "Terms",
    "Trial",
    "evaluate_release",
    "promote",
    "publish",
    "roll_back",
    "train_prepared",
]

_HOMES = {
    "job": ("Job", "Trial"),
    "prepared": ("train_prepared",),
    "promotion": ("Change", "Terms", "promote", "roll_back"),
    "publishing": ("publish",),
    "registry": ("Registry",),
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
