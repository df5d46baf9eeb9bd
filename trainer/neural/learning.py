"""Learning from whole lists: softmax loss, AdamW, the network of the best epoch kept.

How much a place in the list adds is learnt beside the network and no part of it.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from searchrank.errors import DataError

if TYPE_CHECKING:
    from trainer.boosting import Lists
    from trainer.neural.network import Network
    from trainer.neural.settings import NetworkSettings

__all__ = ["ListData", "alone", "learn", "list_loss"]

_PLACES: Final = 200  # places further down count as this one
_NOWHERE: Final = -1e9
_NO_NUMBER: Final = "the network's loss is no number; take a smaller learning_rate, or smaller grades"


def list_loss(scores: Tensor, gains: Tensor, lists: Tensor, places: Tensor) -> Tensor:
    """Return the mean softmax cross-entropy of lists (ListNet's top-one; Cao et al., ICML 2007).

    Args:
        scores: (n,) of rows.
        gains: (n,) at least 0, some above 0 in each list.
        lists: (n,) which list of the batch each row is of.
        places: (n,) place of each row in its list, from 0.
    """
    shape = (int(lists[-1]) + 1, int(places.max()) + 1)
    padded = torch.full(shape, _NOWHERE).index_put((lists, places), scores)
    target = torch.zeros(shape).index_put((lists, places), gains)
    target = target / target.sum(1, keepdim=True)
    return -(target * torch.log_softmax(padded, 1)).sum(1).mean()


@dataclass(frozen=True, slots=True, eq=False)
class ListData:
    """Rows as the loop takes them, list after list.

    Attributes:
        columns: (n, f) what the network reads.
        gains: (n,) ``2^grade - 1``.
        shown: (n,) place at which each was shown, or None.
        starts: (q + 1,) first row of each list, and the end.
    """

    columns: Tensor
    gains: Tensor
    shown: Tensor | None
    starts: npt.NDArray[np.int64]

    @classmethod
    def of(cls, lists: Lists, chosen: npt.NDArray[np.bool_] | None = None) -> ListData:
        """Take lists that have something relevant, of those chosen (q,).

        Raises:
            DataError: When there are none.
        """
        relevant = np.add.reduceat(lists.labels > 0, np.cumsum(lists.sizes) - lists.sizes) > 0
        kept = relevant if chosen is None else relevant & chosen
        if not kept.any():
            raise DataError("no list has anything relevant, so there is no order to learn; more events are needed")
        rows = np.repeat(kept, lists.sizes)
        with np.errstate(over="ignore"):  # the loss tells
            gains = np.exp2(lists.labels[rows]).astype(np.float32) - 1
        dense = lists.matrix.toarray() if hasattr(lists.matrix, "toarray") else lists.matrix
        shown = None
        if lists.positions is not None:
            shown = torch.from_numpy(np.minimum(lists.positions[rows], _PLACES - 1).astype(np.int64))
        return cls(
            torch.from_numpy(np.ascontiguousarray(dense[rows], np.float32)),
            torch.from_numpy(gains),
            shown,
            np.concatenate([[0], np.cumsum(lists.sizes[kept])]),
        )

    def __len__(self) -> int:
        return len(self.starts) - 1

    def loss(self, network: Network, bias: Tensor, chosen: npt.NDArray[np.int64]) -> Tensor:
        """Return the mean loss of some of the lists."""
        sizes = self.starts[chosen + 1] - self.starts[chosen]
        lists = np.repeat(np.arange(len(chosen)), sizes)
        places = np.arange(len(lists)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        rows = torch.from_numpy(np.repeat(self.starts[chosen], sizes) + places)
        scores = network(self.columns[rows])
        if self.shown is not None:
            scores = scores + bias[self.shown[rows]]
        return list_loss(scores, self.gains[rows], torch.from_numpy(lists), torch.from_numpy(places))


@contextmanager
def alone(seed: int) -> Iterator[None]:
    """Run with a seed and one thread, and leave both as they were: the bits depend on them."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            yield
    finally:
        torch.set_num_threads(threads)


def learn(
    network: Network,
    train: ListData,
    watched: ListData | None,
    settings: NetworkSettings,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Train a network in place and return the epochs that count.

    Args:
        network: Untrained; afterwards as it was after the epoch with the least loss on ``watched``.
        train: To learn from.
        watched: To stop by, or None for all epochs.
        settings: How.
        progress: Called with (epochs done, epochs asked for).

    Raises:
        DataError: When the loss is no number.
    """
    bias = nn.Parameter(torch.zeros(_PLACES))
    optimiser = _optimiser(network, bias, settings)
    order, best, least, kept = np.random.default_rng(settings.seed), 0, math.inf, network.state_dict()
    for epoch in range(1, settings.epochs + 1):
        _pass(network, train, bias, optimiser, _batches(order.permutation(len(train)), settings.batch_lists))
        now = -float(epoch) if watched is None else _measured(network, watched, bias, settings.batch_lists)
        if now < least:
            best, least, kept = epoch, now, copy.deepcopy(network.state_dict())
        if progress is not None:
            progress(epoch, settings.epochs)
        if settings.patience and epoch - best >= settings.patience:
            break
    network.load_state_dict(kept)
    return best


def _optimiser(network: Network, bias: Tensor, settings: NetworkSettings) -> torch.optim.Optimizer:
    """Return AdamW that lets only the weights of layers decay."""
    decaying = [layer.weight for layer in network.modules() if isinstance(layer, nn.Linear)]
    known = {id(weight) for weight in decaying}
    rest = [one for one in network.parameters() if id(one) not in known]
    groups = [{"params": decaying, "weight_decay": settings.weight_decay}, {"params": [*rest, bias], "weight_decay": 0}]
    return torch.optim.AdamW(groups, lr=settings.learning_rate)


def _pass(
    network: Network,
    data: ListData,
    bias: Tensor,
    optimiser: torch.optim.Optimizer,
    batches: Sequence[npt.NDArray[np.int64]],
) -> None:
    """Learn from each list once.

    Raises:
        DataError: When the loss is no number.
    """
    network.train()
    for batch in batches:
        optimiser.zero_grad()
        loss = data.loss(network, bias, batch)
        if not torch.isfinite(loss):
            raise DataError(_NO_NUMBER, field="params")
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()


@torch.no_grad()
def _measured(network: Network, data: ListData, bias: Tensor, batch: int) -> float:
    """Return the mean loss over all lists."""
    network.eval()
    parts = _batches(np.arange(len(data)), batch)
    return sum(float(data.loss(network, bias, part)) * len(part) for part in parts) / len(data)


def _batches(lists: npt.NDArray[np.int64], size: int) -> list[npt.NDArray[np.int64]]:
    return [lists[first : first + size] for first in range(0, len(lists), size)]
