"""Networks: they learn, stop, come again to the byte, and are the same in ONNX as in PyTorch."""

import sys

import numpy as np
import pytest

from searchrank.errors import ConfigError, DataError
from searchrank.models.kinds import parse_scorer
from trainer.boosting import Lists
from trainer.evaluation.metrics import mean, ndcg
from trainer.evaluation.ranking import Ranking
from trainer.neural import settings_of, train_network

SMALL = {"hidden": [8, 4], "epochs": 12, "batch_lists": 8, "learning_rate": 0.03, "embedding_size": 3}
STRANGE = (np.nan, np.inf, -np.inf, 1e30, -1.0, 99.0, 0.0)


def lists(seed, queries=40, positions=False):
    """Rows whose first column, a code in {0, 1, 2}, tells the label, code 1 being best; the second has gaps."""
    generator = np.random.default_rng(seed)
    codes = generator.integers(0, 3, queries * 10)
    noise = generator.normal(50.0, 9.0, len(codes))
    noise[::7] = np.nan
    matrix = np.stack([codes, noise, np.full(len(codes), 5.0)]).astype(np.float32)
    places = np.tile(np.arange(10), queries) if positions else None
    return Lists(matrix.T, (codes == 1).astype(np.float32), np.full(queries, 10), places)


def reached(model, data):
    return mean(ndcg(Ranking.of(model.score(data.matrix), data.labels, data.sizes), 10))


def served(model, rows):
    scorer = parse_scorer(model.scorer, model.content, ("a", "b", "c"))
    return scorer.score(np.ascontiguousarray(rows.T))


@pytest.mark.parametrize("kind", ["mlp", "dcn_v2"])
def test_it_learns_what_tells_the_label_apart_and_is_served_as_it_was_trained(kind):
    model = train_network(kind, (lists(1), lists(3)), settings_of(SMALL), categorical=[0])
    assert reached(model, lists(2)) == 1.0
    rows = np.array([(a, b, c) for a in STRANGE for b in STRANGE for c in STRANGE], np.float32)
    everything = np.concatenate([rows, lists(2).matrix])
    np.testing.assert_allclose(served(model, everything), model.score(everything), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("activation", ["relu", "gelu", "silu", "dice", "prelu"])
def test_every_activation_is_served_as_it_was_trained(activation):
    settings = settings_of(SMALL | {"activation": activation, "epochs": 2, "dropout": 0.2})
    model = train_network("mlp", (lists(1), lists(3)), settings, categorical=[0])
    rows = lists(2).matrix
    np.testing.assert_allclose(served(model, rows), model.score(rows), rtol=1e-5, atol=1e-5)
    assert np.ptp(model.score(rows)) > 0


def test_training_twice_gives_the_same_bytes_and_another_seed_gives_others():
    def content(seed):
        settings = settings_of(SMALL | {"epochs": 2, "seed": seed})
        return train_network("dcn_v2", (lists(1), None), settings, categorical=[0]).content

    assert content(0) == content(0) != content(1)


def test_lists_that_teach_nothing_stop_training_and_the_best_epoch_counts():
    noise = lists(3)
    shuffled = Lists(noise.matrix, np.random.default_rng(4).permutation(noise.labels), noise.sizes)
    settings = settings_of(SMALL | {"epochs": 200, "patience": 2})
    ended = []
    model = train_network("mlp", (lists(1), shuffled), settings, progress=lambda done, _of: ended.append(done))
    assert ended[-1] == model.parameters["best_epoch"] + 2 < 200


def test_what_a_place_adds_is_learnt_beside_the_network():
    """Clicks that follow the place alone leave nothing to learn from a column that tells the place."""

    def spread(with_positions):
        places = np.tile(np.arange(4), 60)
        clicked = (places == np.random.default_rng(0).choice(4, 60, p=[0.85, 0.05, 0.05, 0.05]).repeat(4)).astype("f4")
        matrix = np.stack([(places == 0).astype("f4"), np.random.default_rng(1).normal(size=240).astype("f4")]).T
        shown = places if with_positions else None
        data = Lists(matrix, clicked, np.full(60, 4), shown)
        model = train_network("mlp", (data, data), settings_of(SMALL | {"epochs": 40, "learning_rate": 0.05}))
        return np.subtract(*model.score(np.array([[1, 0], [0, 0]], np.float32)))

    assert spread(with_positions=True) < 0.8 * spread(with_positions=False)


def test_lists_without_anything_relevant_are_refused():
    data = lists(1)
    nothing = Lists(data.matrix, np.zeros_like(data.labels), data.sizes)
    with pytest.raises(DataError, match="no order to learn"):
        train_network("mlp", (nothing, None), settings_of(SMALL))


def test_a_loss_that_is_no_number_says_what_to_do():
    data = lists(1)
    huge = Lists(data.matrix, data.labels * 500, data.sizes)
    with pytest.raises(DataError, match="smaller learning_rate, or smaller grades"):
        train_network("mlp", (huge, None), settings_of(SMALL))


@pytest.mark.parametrize("categorical", [(0,), ()], ids=["categories", "numbers"])
def test_columns_of_one_kind_alone_or_never_known_are_served_as_they_were_trained(categorical):
    codes = lists(1).matrix[:, 0]
    nothing = np.full_like(codes, np.nan)
    columns = np.stack([codes, nothing][: 2 - len(categorical)]).T
    data = Lists(columns, (codes == 1).astype(np.float32), np.full(40, 10))
    model = train_network("dcn_v2", (data, None), settings_of(SMALL), categorical=categorical)
    rows = np.array([[value] * columns.shape[1] for value in STRANGE], np.float32)
    scores = parse_scorer("onnx", model.content, ("a", "b")[: columns.shape[1]]).score(np.ascontiguousarray(rows.T))
    assert np.isfinite(scores).all()
    np.testing.assert_allclose(scores, model.score(rows), rtol=1e-5, atol=1e-5)


def test_without_pytorch_it_says_what_to_install(monkeypatch):
    for name in ("export", "learning", "network"):
        monkeypatch.setitem(sys.modules, f"trainer.neural.{name}", None)
    with pytest.raises(ConfigError, match=r"pip install 'searchrank\[neural\]'"):
        train_network("mlp", (lists(1), None), settings_of(SMALL))
