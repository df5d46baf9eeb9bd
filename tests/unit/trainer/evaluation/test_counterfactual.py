"""Policies judged by another's log, against what they are worth in a world that is known."""

import numpy as np
import pytest

from searchrank.errors import DataError
from trainer.evaluation.counterfactual import Guess, cascade, off_policy

WORTH = np.array([0.1, 0.2, 0.3, 0.6])
LOGGED = np.array([0.4, 0.3, 0.2, 0.1])
WANTED = np.array([0.1, 0.2, 0.3, 0.4])


def log_of(count, seed=1):
    generator = np.random.default_rng(seed)
    shown = generator.choice(4, count, p=LOGGED)
    return shown, (generator.random(count) < WORTH[shown]).astype(float)


def test_each_estimator_finds_what_the_policy_is_worth():
    shown, rewards = log_of(40_000)
    found = off_policy(
        rewards, LOGGED[shown], WANTED[shown], Guess(WORTH[shown] + 0.1, np.full(40_000, WANTED @ WORTH + 0.1))
    )
    for estimate in found.values():
        assert estimate.low < WANTED @ WORTH < estimate.high
        assert estimate.effective == pytest.approx(40_000 / (WANTED**2 / LOGGED).sum(), rel=0.05)


def test_the_interval_covers_as_often_as_it_says_and_a_good_guess_makes_it_narrower():
    covered, width = dict.fromkeys(("ips", "snips", "dr"), 0), {}
    for seed in range(300):
        shown, rewards = log_of(1_000, seed)
        guess = Guess(WORTH[shown], np.full(1_000, WANTED @ WORTH))
        for name, one in off_policy(rewards, LOGGED[shown], WANTED[shown], guess).items():
            covered[name] += one.low < WANTED @ WORTH < one.high
            width[name] = one.high - one.low
    assert all(275 <= count <= 295 for count in covered.values())
    assert width["dr"] < width["snips"] < width["ips"]


def test_a_log_that_hardly_shows_what_the_policy_would_is_refused():
    shown = np.array([0] * 999 + [1])
    with pytest.raises(DataError, match=r"as much of this policy as 1 samples would, of 1,000 logged; at least 100"):
        off_policy(np.ones(1_000), np.array([0.999, 0.001])[shown], np.array([0.0, 1.0])[shown])


def test_a_policy_that_shows_what_the_log_never_could_is_refused():
    shown, rewards = log_of(5_000)
    with pytest.raises(DataError, match="must be 1"):
        off_policy(rewards, LOGGED[shown], np.array([0.2, 0.1, 0.1, 0.1])[shown])


@pytest.mark.parametrize(
    ("guess", "message"),
    [(Guess(np.zeros(1), np.zeros(5_000)), "not of rewards"), (Guess(*[np.full(5_000, np.nan)] * 2), "not finite")],
)
def test_a_guess_that_is_none_is_refused(guess, message):
    shown, rewards = log_of(5_000)
    with pytest.raises(DataError, match=message):
        off_policy(rewards, LOGGED[shown], WANTED[shown], guess)


# Lists of three places looked at from the top: who takes something looks no further.

PLACES = 3


def looked_at(count, policy, seed):
    """Draw lists without repetition and what came of them: probabilities under both policies, rewards, a guess."""
    generator = np.random.default_rng(seed)
    rewards = np.zeros((count, PLACES))
    chances = {name: np.empty((count, PLACES)) for name in ("logged", "wanted", "taken", "hoped")}
    left, looking = np.ones((count, 4)), np.ones(count, bool)
    rows = np.arange(count)
    for k in range(PLACES):
        shares = {
            name: p * left / (p * left).sum(1, keepdims=True) for name, p in (("logged", LOGGED), ("wanted", WANTED))
        }
        drawn = (generator.random((count, 1)) > shares[policy].cumsum(1)).sum(1).clip(0, 3)
        drawn = np.where(left[rows, drawn] > 0, drawn, left.argmax(1))
        left[rows, drawn] = 0
        chances["taken"][:, k], chances["hoped"][:, k] = WORTH[drawn], shares["wanted"] @ WORTH
        for name, share in shares.items():
            chances[name][:, k] = share[rows, drawn]
        rewards[:, k] = looking & (generator.random(count) < WORTH[drawn])
        looking &= rewards[:, k] == 0
    return rewards, chances["logged"], chances["wanted"], Guess(chances["taken"], chances["hoped"])


def test_lists_are_worth_what_they_earn_when_shown():
    truth = looked_at(200_000, "wanted", 1)[0].sum(1).mean()
    *log, guess = looked_at(40_000, "logged", 2)
    for estimate in (cascade(*log), cascade(*log, guess)):
        assert estimate.low < truth < estimate.high


def test_places_weighed_from_the_top_tell_more_than_whole_lists():
    rewards, logged, wanted, _ = looked_at(20_000, "logged", 3)
    from_top = cascade(rewards, logged, wanted)
    whole = off_policy(rewards.sum(1), logged.prod(1), wanted.prod(1))["ips"]
    assert from_top.high - from_top.low < whole.high - whole.low


def test_lists_of_other_shapes_are_refused():
    with pytest.raises(DataError, match="one value a list and place"):
        cascade(np.zeros((2, 2)), np.ones((2, 3)), np.ones((2, 2)))
