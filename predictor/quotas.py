"""Recall with other quotas than the project's, over the same open indexes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import cast

from typing_extensions import override

from recall import RecallConfig, Recaller

__all__ = ["QuotaRecaller"]


class QuotaRecaller(Recaller):
    """A recaller that can be copied with other quotas; the copy shares the indexes."""

    @classmethod
    @override
    def open(cls, indexes: Path, config: RecallConfig) -> QuotaRecaller:
        """Open the indexes of a snapshot that a surface needs; arguments and errors as for ``Recaller.open``."""
        return cast("QuotaRecaller", super().open(indexes, config))

    def with_quotas(self, quotas: Mapping[str, int]) -> QuotaRecaller:
        """Return a copy that asks the named branches for so many candidates, the others for as many as before."""
        return QuotaRecaller(self._branches, {**self._quotas, **quotas})
