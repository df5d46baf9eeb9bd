"""Keeps training libraries out of a serving process, even when they are installed beside it.

pyarrow imports pandas the first time it looks at a Python value if it can: 0.4 s and 40 MB in every worker, for
nothing. A process that was made lean is told that the module is not there.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

__all__ = ["REFUSED", "keep_lean"]

REFUSED: Final = frozenset({"lightgbm", "matplotlib", "mlflow", "numba", "pandas", "scipy", "sklearn", "torch"})


class _Refusal:
    """A finder that finds nothing and, for these modules, lets nobody else look."""

    @staticmethod
    def find_spec(name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None) -> None:
        if name.partition(".")[0] in REFUSED:
            raise ModuleNotFoundError(f"{name} is kept out of serving processes", name=name)


def keep_lean() -> None:
    """Refuse training libraries in this process from now on."""
    if not any(isinstance(finder, _Refusal) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Refusal())
