"""What another policy would have earned, from the log of one that left something to chance.

Four estimators from logged propensities: inverse propensity scoring and its self-normalised form, both by
``searchrank.reranking.judge``, doubly robust (Dudík, Langford and Li, ICML 2011), and cascade doubly robust for lists
that are looked at from the top (Kiyohara et al., WSDM 2022). Where the log says too little about the policy there is no
estimate but a refusal: when few samples carry all the weight, or when the weights do not sum to what they must.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from searchrank.errors import DataError
from searchrank.reranking import judge

if TYPE_CHECKING:
    from trainer.evaluation.ranking import Floats

__all__ = ["LEAST_EFFECTIVE", "Estimate", "Guess", "cascade", "off_policy"]

LEAST_EFFECTIVE: Final = 100.0
"""Fewest unweighted samples that an estimate must be worth."""
_SPREAD: Final = 1.959964  # of a 95 % interval
_ASTRAY: Final = 5.0  # standard errors by which the mean weight may miss 1


@dataclass(frozen=True, slots=True)
class Estimate:
    """An estimated mean reward.

    Attributes:
        value: The estimate.
        low: Lower end of its 95 % interval, by the normal law.
        high: Upper end.
        effective: How many unweighted samples would tell as much (Kish 1965).
    """

    value: float
    low: float
    high: float
    effective: float

    @classmethod
    def of(cls, value: float, error: float, effective: float) -> Estimate:
        """Return an estimate with the interval of its standard error."""
        return cls(value, value - _SPREAD * error, value + _SPREAD * error, effective)


@dataclass(frozen=True, slots=True, eq=False)
class Guess:
    """What a model of the reward says, learnt without the samples that it speaks of.

    Attributes:
        taken: Reward of what was shown; of a list, from its place to the end, given what stands above.
        wanted: The same, expected over what the policy in question would show there.
    """

    taken: Floats
    wanted: Floats


def off_policy(
    rewards: Floats,
    logged: Floats,
    wanted: Floats,
    guess: Guess | None = None,
    *,
    least: float = LEAST_EFFECTIVE,
) -> Mapping[str, Estimate]:
    """Estimate what a policy would have earned on average from what another showed.

    Args:
        rewards: (n,) what came of each sample.
        logged: (n,) probability with which it was shown, over 0 to 1.
        wanted: (n,) probability with which the policy in question would have shown it.
        guess: A model of the reward, (n,) each; None: no doubly robust estimate.
        least: Effective samples below which it is refused.

    Returns:
        ``ips``, ``snips`` and, with a guess, ``dr``.

    Raises:
        DataError: When the log says too little about the policy, or the arrays are wrong.
    """
    plain = judge(rewards, logged, wanted)
    weights = wanted / logged
    _refuse(weights, plain.effective, least)
    apart = weights * (rewards - plain.normalized) / weights.mean()
    found = {
        "ips": Estimate.of(plain.value, plain.error, plain.effective),
        "snips": Estimate.of(plain.normalized, _error(apart), plain.effective),
    }
    if guess is not None:
        _check(guess, rewards)
        robust = guess.wanted + weights * (rewards - guess.taken)
        found["dr"] = Estimate.of(float(robust.mean()), _error(robust), plain.effective)
    return found


def cascade(
    rewards: Floats, logged: Floats, wanted: Floats, guess: Guess | None = None, *, least: float = LEAST_EFFECTIVE
) -> Estimate:
    """Estimate what a policy's lists would have earned when people look from the top down.

    What stands at a place earns by itself and by what is above it, not by what is below: so a place is weighted by the
    places down to it alone, which spreads far less than the weight of the whole list.

    Args:
        rewards: (n, k) what came of each place of each list.
        logged: (n, k) probability of what was shown there, given what stands above it.
        wanted: (n, k) the same under the policy in question.
        guess: A model of the reward, (n, k) each; None: without one, which is unbiased too.
        least: Effective samples below which it is refused, at the place where they are fewest.

    Raises:
        DataError: When the log says too little about the policy, or the arrays are wrong.
    """
    if rewards.ndim != 2 or not rewards.shape == logged.shape == wanted.shape or not rewards.size:
        raise DataError(
            f"shapes {rewards.shape}, {logged.shape}, {wanted.shape}; give one value a list and place to each"
        )
    alone = [judge(rewards[:, k], logged[:, k], wanted[:, k]) for k in range(rewards.shape[1])]
    down = np.cumprod(wanted / logged, axis=1).astype(np.float64)
    effective = min(*(_effective(down[:, k]) for k in range(down.shape[1])), *(one.effective for one in alone))
    _refuse(down[:, -1], effective, least)
    if guess is None:
        total = (down * rewards).sum(axis=1)
    else:
        _check(guess, rewards)
        before = np.concatenate([np.ones((len(down), 1)), down[:, :-1]], axis=1)
        total = (before * guess.wanted + down * (rewards - guess.taken)).sum(axis=1)
    return Estimate.of(float(total.mean()), _error(total), effective)


def _effective(weights: Floats) -> float:
    squares = float(np.square(weights).sum())
    return float(weights.sum()) ** 2 / squares if squares else 0.0


def _error(values: Floats) -> float:
    return float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.nan


def _refuse(weights: Floats, effective: float, least: float) -> None:
    """Refuse an estimate that would say more than the log does.

    Raises:
        DataError: When the log says too little.
    """
    if effective < least:
        raise DataError(
            f"the log tells as much of this policy as {effective:.0f} samples would, of {len(weights):,} logged; "
            f"at least {least:.0f} are needed: log more, explore more, or ask about a policy nearer to the logged one"
        )
    error = _error(weights)
    if abs(float(weights.mean()) - 1.0) > _ASTRAY * error + 1e-9:
        raise DataError(
            f"weights are {weights.mean():.3f} on average and must be 1 (standard error {error:.3f}): the policy shows "
            "what the log never could, or the propensities are not those of this log"
        )


def _check(guess: Guess, rewards: Floats) -> None:
    """Refuse a guess about other samples.

    Raises:
        DataError: When it is one.
    """
    if not guess.taken.shape == guess.wanted.shape == rewards.shape:
        raise DataError(f"guesses {guess.taken.shape} and {guess.wanted.shape} are not of rewards {rewards.shape}")
    if not (np.isfinite(guess.taken).all() and np.isfinite(guess.wanted).all()):
        raise DataError("a guess is not finite; give 0 where nothing is known", field="guess")
