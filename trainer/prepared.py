"""Training on prepared ranking files, for data that others extracted: files in, metrics of each part out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trainer.boosting import Lists, boost
from trainer.evaluation.metrics import summary
from trainer.evaluation.ranking import Ranking
from trainer.letor import RankingFile, read
from trainer.parameters import EXAMPLE, merge

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from trainer.boosting import Model

__all__ = ["PreparedResult", "train_prepared"]


@dataclass(frozen=True, slots=True, eq=False)
class PreparedResult:
    """What training on prepared files gave.

    Attributes:
        model: The trained forest.
        metrics: Part (``train``, ``valid``, ``test``) → metric → convention → mean over its queries.
    """

    model: Model
    metrics: Mapping[str, Mapping[str, Mapping[str, float]]]


def train_prepared(
    train: Path,
    test: Path,
    valid: Path | None = None,
    *,
    parameters: Mapping[str, object] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> PreparedResult:
    """Train LambdaMART on a prepared file and measure it on others.

    Args:
        train: File to learn from.
        test: File to measure on; nothing is chosen by it.
        valid: File that decides when to stop.
        parameters: LightGBM parameters over those of LightGBM's own example.
        progress: Called with (trees done, trees asked for).

    Raises:
        DataError: When a file is wrong.
        NotFoundError: When a file does not exist.
        ConfigError: When LightGBM refuses the parameters.
    """
    paths = {"train": train, "valid": valid, "test": test}
    files = {part: read(path) for part, path in paths.items() if path is not None}
    width = max(file.width for file in files.values())
    lists = {part: Lists(_sparse(file, width), file.labels, file.sizes) for part, file in files.items()}
    model = boost(lists["train"], lists.get("valid"), merge(EXAMPLE, parameters or {}), progress=progress)
    metrics = {
        part: summary(Ranking.of(model.score(rows.matrix), rows.labels, rows.sizes)) for part, rows in lists.items()
    }
    return PreparedResult(model, metrics)


def _sparse(file: RankingFile, width: int) -> Any:
    """Return the rows as a SciPy CSR matrix, shape (n, width)."""
    from scipy.sparse import csr_matrix  # noqa: PLC0415 - heavy

    return csr_matrix((file.values, file.features, file.starts), shape=(len(file.labels), width))
