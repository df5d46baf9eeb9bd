"""Times that can be compared: contenders take turns in a new order each round, with the garbage collector off."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Final

import numpy as np

__all__ = ["Timing", "interleaved", "limit_threads"]

_LIMITS: Final = dict.fromkeys(
    ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"
)


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds that calls of one contender took.

    Attributes:
        median: Half of the calls took less.
        low: A tenth took less.
        high: 99 % took less.
        rounds: Number of calls.
    """

    median: float
    low: float
    high: float
    rounds: int

    @classmethod
    def of(cls, seconds: list[float]) -> Timing:
        """Summarise calls."""
        low, median, high = (float(q) for q in np.percentile(seconds, [10, 50, 99]))
        return cls(median, low, high, len(seconds))


def interleaved(contenders: Mapping[str, Callable[[], object]], *, seconds: float, least: int = 5) -> dict[str, Timing]:
    """Call every contender once a round until ``seconds`` are over, ``least`` rounds at least.

    The order is drawn anew for each round, so that nobody always follows the one that leaves the caches coldest. Two
    rounds before the first are not counted.
    """
    rng = np.random.default_rng(1)
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(2):
        for call in contenders.values():
            call()
    names, end = list(contenders), perf_counter() + seconds
    with _no_collection():
        while perf_counter() < end or min(map(len, times.values())) < least:
            for place in rng.permutation(len(contenders)):
                name = names[place]
                call = contenders[name]
                began = perf_counter()
                call()
                times[name].append(perf_counter() - began)
    return {name: Timing.of(taken) for name, taken in times.items()}


@contextmanager
def _no_collection() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def limit_threads() -> None:
    """Start this program again with one thread for every library, unless it was; they look when they are imported."""
    if any(os.environ.get(name) != value for name, value in _LIMITS.items()):
        os.execve(sys.executable, sys.orig_argv, {**os.environ, **_LIMITS})  # noqa: S606 - the same program
