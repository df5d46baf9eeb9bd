"""Rankers beside each other on LightGBM's own ranking example: how well they order, and what a candidate costs.

``python benchmarks/rankers.py FOLDER`` reads ``rank.train`` and ``rank.test`` (LightGBM's ``examples/lambdarank``). The
forest has the parameters of LightGBM's example. Those of the networks were chosen by three folds of the training file;
the test file is looked at once for each seed. ``lightgbm`` is the same forest scored by LightGBM itself, on one thread.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
from timing import interleaved, limit_threads

from searchrank.models.kinds import parse_scorer
from trainer.boosting import Lists, boost
from trainer.evaluation import Ranking, mean, ndcg
from trainer.letor import read
from trainer.neural import settings_of, train_network
from trainer.parameters import EXAMPLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from searchrank.models import Scorer
    from trainer.learnt import Learnt

CANDIDATES: Final = 200
NETWORK: Final = {
    "hidden": [64, 32],
    "activation": "gelu",
    "learning_rate": 0.003,
    "weight_decay": 1.0,
    "dropout": 0.3,
    "batch_lists": 16,
    "epochs": 60,
    "patience": 8,
}
KINDS: Final = ("mlp", "dcn_v2")


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """Models of one kind, one a seed.

    Attributes:
        models: As training gives them.
        seconds: Time to fit one.
    """

    models: list[Learnt]
    seconds: float

    def scorer(self, columns: npt.NDArray[np.float32]) -> Scorer:
        """Return what serves the first of them."""
        first = self.models[0]
        return parse_scorer(first.scorer, first.content, tuple(f"Column_{k}" for k in range(len(columns))))

    def reached(self, test: Lists) -> list[float]:
        """Return NDCG@10 of each on lists that have something relevant."""
        return [mean(ndcg(Ranking.of(one.score(test.matrix), test.labels, test.sizes), 10)) for one in self.models]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="holds rank.train and rank.test with their .query files")
    parser.add_argument("--seeds", type=int, default=5, help="networks of each kind")
    parser.add_argument("--seconds", type=float, default=3.0, help="time to measure costs for")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    train, test = _lists(chosen.folder)
    trained = {"forest": _fitted(1, lambda _seed: boost(train, None, EXAMPLE))}
    trained |= {kind: _fitted(chosen.seeds, _network(kind, train)) for kind in KINDS}
    columns = np.ascontiguousarray(np.resize(test.matrix, (CANDIDATES, test.matrix.shape[1])).T)
    costs = _costs(trained, columns, chosen.seconds)
    found = {name: one.reached(test) for name, one in trained.items()}
    found["lightgbm"] = found["forest"]
    print(
        f"{len(train.sizes)} lists to learn from, {len(test.sizes)} to measure on; {CANDIDATES} candidates a request\n"
    )
    print(f"{'model':10} {'NDCG@10':>9} {'least':>7} {'most':>7} {'us a candidate':>15} {'fit s':>7}")
    for name, values in found.items():
        fit = trained.get(name, trained["forest"]).seconds
        print(f"{name:10} {np.mean(values):9.4f} {min(values):7.4f} {max(values):7.4f} {costs[name]:15.3f} {fit:7.2f}")
    if chosen.json:
        models = {n: {"ndcg@10": float(np.mean(v)), "us_a_candidate": costs[n]} for n, v in found.items()}
        print(json.dumps({"models": models}))


def _lists(folder: Path) -> tuple[Lists, Lists]:
    """Read both files as dense rows of the same width."""
    files = [read(folder / name) for name in ("rank.train", "rank.test")]
    width = max(file.width for file in files)
    parts = []
    for file in files:
        matrix = np.zeros((len(file.labels), width), np.float32)
        matrix[np.repeat(np.arange(len(file.labels)), np.diff(file.starts)), file.features] = file.values
        parts.append(Lists(matrix, file.labels, file.sizes))
    return parts[0], parts[1]


def _network(kind: str, train: Lists) -> Callable[[int], Learnt]:
    return lambda seed: train_network(kind, (train, None), settings_of(NETWORK | {"seed": seed}))


def _fitted(seeds: int, fit: Callable[[int], Learnt]) -> Trained:
    """Fit a model for each seed."""
    began = perf_counter()
    models = [fit(seed) for seed in range(seeds)]
    return Trained(models, (perf_counter() - began) / seeds)


def _costs(trained: dict[str, Trained], columns: npt.NDArray[np.float32], seconds: float) -> dict[str, float]:
    """Return microseconds a candidate, the median of calls that take turns."""
    forest: Any = trained["forest"].models[0]
    rows, calls = np.ascontiguousarray(columns.T), {}
    for name, one in trained.items():
        calls[name] = _call(one.scorer(columns), columns)
    calls["lightgbm"] = lambda: forest.booster.predict(rows, raw_score=True, num_threads=1)
    return {name: 1e6 * one.median / CANDIDATES for name, one in interleaved(calls, seconds=seconds).items()}


def _call(scorer: Scorer, columns: npt.NDArray[np.float32]) -> Callable[[], object]:
    return lambda: scorer.score(columns)


if __name__ == "__main__":
    limit_threads()
    main()
