"""Whether this install can train: the serving install carries none of these libraries."""

from __future__ import annotations

import importlib.util
from typing import Final

from searchrank.errors import ConfigError

__all__ = ["require_training"]

LIBRARIES: Final = ("lightgbm", "mlflow", "scipy")


def require_training() -> None:
    """Refuse early what would fail in the middle; imports nothing.

    Raises:
        ConfigError: When a library of the ``train`` extra is not installed.
    """
    absent = [name for name in LIBRARIES if importlib.util.find_spec(name) is None]
    if absent:
        raise ConfigError(f"training needs {', '.join(absent)}; pip install 'searchrank[train]'")
