"""A trained network as the trainer knows models: content to serve, and scores to prove it by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from searchrank.errors import ConfigError
from trainer.neural.reading import ColumnReading

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trainer.boosting import Lists
    from trainer.neural.network import Network
    from trainer.neural.settings import NetworkSettings

__all__ = ["NeuralModel", "train_network"]

_WATCHED: Final = 5  # every fifth list stops training where no part is set aside for that
_FEW: Final = 20  # lists, below which all are learnt from
_BLOCK: Final = 65_536


@dataclass(frozen=True, slots=True, eq=False)
class NeuralModel:
    """A trained network; see ``trainer.learnt.Learnt``.

    Attributes:
        network: The network in PyTorch.
        content: The same as an ONNX file.
        parameters: What it was trained with, and ``best_epoch``, the one it was taken from.
        scorer: Its kind in a release.
        trees: It has none.
    """

    network: Network
    content: bytes
    parameters: dict[str, object]
    scorer: str = "onnx"
    trees: int = 0

    def score(self, matrix: Any) -> npt.NDArray[np.float64]:
        """Return PyTorch's scores, shape (n,), of a matrix (n, f)."""
        import torch  # noqa: PLC0415 - heavy

        self.network.eval()
        found = np.empty(matrix.shape[0])
        with torch.no_grad():
            for first in range(0, len(found), _BLOCK):
                part = _dense(matrix[first : first + _BLOCK])
                found[first : first + _BLOCK] = self.network(torch.from_numpy(part)).numpy()
        return found


def train_network(
    kind: str,
    data: tuple[Lists, Lists | None],
    settings: NetworkSettings,
    *,
    categorical: Sequence[int] = (),
    progress: Callable[[int, int], None] | None = None,
) -> NeuralModel:
    """Train a network list-wise and write it as ONNX; twice the same gives the same bytes.

    Args:
        kind: ``mlp`` or ``dcn_v2``.
        data: Lists to learn from, and those whose loss decides when to stop; None: a fifth of the former.
        settings: Layers and optimiser.
        categorical: Columns that hold codes, not quantities.
        progress: Called with (epochs done, epochs asked for).

    Raises:
        ConfigError: When PyTorch or ONNX is not installed.
        DataError: When there is nothing to learn from, or the loss is no number.
    """
    try:
        from trainer.neural.export import exported  # noqa: PLC0415 - heavy
        from trainer.neural.learning import ListData, alone, learn  # noqa: PLC0415 - heavy
        from trainer.neural.network import Network  # noqa: PLC0415 - heavy
    except ImportError as error:
        raise ConfigError(f"networks need {error.name}; pip install 'searchrank[neural]'", field="kind") from None
    train, valid = data
    learnt = np.ones(len(train.sizes), np.bool_)
    if valid is None and settings.patience and len(learnt) >= _FEW:
        learnt[_WATCHED - 1 :: _WATCHED] = False
    with alone(settings.seed):
        rows = ListData.of(train, learnt)
        watched = ListData.of(valid) if valid is not None else None
        if not learnt.all():
            watched = ListData.of(train, ~learnt)
        network = Network(kind, ColumnReading.of(rows.columns.numpy(), categorical), settings)
        best = learn(network, rows, watched, settings, progress)
        network.eval()
        return NeuralModel(network, exported(network), settings.model_dump(mode="json") | {"best_epoch": best})


def _dense(rows: Any) -> npt.NDArray[np.float32]:
    return np.ascontiguousarray(rows.toarray() if hasattr(rows, "toarray") else rows, np.float32)
