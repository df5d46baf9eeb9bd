"""Logistic regression learnt online: it finds the weights, heeds places, and serves what it learnt."""

import numpy as np
import pytest

from searchrank.errors import ConfigError, DataError
from searchrank.models.kinds import parse_scorer
from trainer.boosting import Lists
from trainer.logistic import LogisticSettings, regress

TRUTH = np.array([2.0, -0.01, 0.0])


def lists(seed=0, queries=600, by_place=0.0):
    """Rows that are relevant with the probability that a weighted sum says; the scales of inputs differ."""
    generator = np.random.default_rng(seed)
    matrix = generator.normal(size=(queries * 10, 3)) * [1.0, 100.0, 1.0]
    places = np.tile(np.arange(10), queries)
    matrix[:, 2] -= places  # shown higher for its third input
    chance = 1 / (1 + np.exp(-(matrix @ TRUTH - 0.5 - by_place * places)))
    clicked = (generator.random(len(chance)) < chance).astype(np.float32)
    return Lists(matrix.astype(np.float32), clicked, np.full(queries, 10), places if by_place else None)


def test_it_finds_the_weights():
    found = regress(lists(), LogisticSettings(epochs=3)).linear
    np.testing.assert_allclose(np.array(found.weights) * [1, 100, 1], TRUTH * [1, 100, 1], atol=0.2)
    assert found.bias == pytest.approx(-0.5, abs=0.2)


def test_what_a_place_adds_is_left_out():
    data = lists(by_place=0.5)
    blind = Lists(data.matrix, data.labels, data.sizes)
    heeded, naive = (regress(one, LogisticSettings(epochs=10)).linear.weights[2] for one in (data, blind))
    assert 0 < heeded < 0.6 * naive


def test_what_is_learnt_is_what_is_served_and_missing_values_add_nothing():
    model = regress(lists(), LogisticSettings())
    rows = np.array([[1.0, np.nan, 2.0], [np.nan] * 3], np.float32)
    scorer = parse_scorer(model.scorer, model.content, ("a", "b", "c"))
    assert scorer.score(np.ascontiguousarray(rows.T)).tolist() == model.score(rows).tolist()
    assert model.score(rows)[1] == model.linear.bias


def test_l1_leaves_out_what_brings_nothing():
    data = lists()
    data.matrix[:, 2] += np.tile(np.arange(10), 600)  # chance alone
    plain, sparse = (regress(data, LogisticSettings(l1=l1)).linear.weights for l1 in (0.0, 150.0))
    assert sparse[2] == 0.0 != plain[2]
    assert sparse[0] == pytest.approx(plain[0], abs=0.1)


def test_what_a_sum_cannot_read_is_refused():
    data = lists(queries=2)
    with pytest.raises(ConfigError, match="reads no categories"):
        regress(data, LogisticSettings(), categorical=[0])
    data.matrix[0, 0] = np.inf
    with pytest.raises(DataError, match="clip it"):
        regress(data, LogisticSettings())


def test_unknown_parameters_and_values_out_of_range_are_named():
    with pytest.raises(ConfigError, match="did you mean: alpha"):
        LogisticSettings.of({"alfa": 1})
    with pytest.raises(ConfigError) as caught:
        LogisticSettings.of({"l2": -1})
    assert caught.value.field == "params.l2"
