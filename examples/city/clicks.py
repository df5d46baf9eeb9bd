"""What people do with a list: look from the top, click what attracts them, order some of it, cancel a few."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from examples.city.size import Bools, Floats, Ints

__all__ = ["Outcome", "draw_outcome", "examination"]

_ORDER_START: Final = -0.9
_ORDER_SLOPE: Final = 0.8
_CANCEL_SHARE: Final = 0.04
_SECOND_US: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happened to each shown place, matrices of shape ``(n, k)``.

    Attributes:
        clicked: Whether it was clicked.
        ordered: Whether the click became an order.
        cancelled: Whether the order was cancelled.
        click_after: Microseconds from the request to the click.
        order_after: Microseconds from the click to the order.
        cancel_after: Microseconds from the order to the cancellation.
    """

    clicked: Bools
    ordered: Bools
    cancelled: Bools
    click_after: Ints
    order_after: Ints
    cancel_after: Ints


def examination(count: int) -> Floats:
    """Return the probability that each position is looked at, top first, shape ``(count,)``."""
    return 1 / (1 + 0.12 * np.arange(count))


def draw_outcome(rng: np.random.Generator, probability: Floats) -> Outcome:
    """Draw what happens to lists whose places attract with these probabilities, shape ``(n, k)``."""
    shape = probability.shape
    clicked = rng.random(shape) < examination(shape[1]) * probability
    odds = np.log(np.maximum(probability, 1e-12) / (1 - np.minimum(probability, 1 - 1e-12)))
    keen = 1 / (1 + np.exp(-(_ORDER_START + _ORDER_SLOPE * odds)))
    ordered = clicked & (rng.random(shape) < keen)
    scroll = 3 * np.arange(shape[1])
    return Outcome(
        clicked=clicked,
        ordered=ordered,
        cancelled=ordered & (rng.random(shape) < _CANCEL_SHARE),
        click_after=_microseconds(2 + scroll + rng.exponential(15, shape)),
        order_after=_microseconds(20 + rng.exponential(280, shape)),
        cancel_after=_microseconds(600 + rng.exponential(4 * 3600, shape)),
    )


def _microseconds(seconds: Floats) -> Ints:
    return (seconds * _SECOND_US).astype(np.int64)
