"""Item columns binned beforehand: not one bit may differ from scoring the floats."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from searchrank.errors import DataError
from searchrank.models import Forest
from searchrank.models.kernels.bins import BITSET, EIGHT

lightgbm = pytest.importorskip("lightgbm")


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    """Numbers, NaN, zeros, and categories in columns 4 and 5."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=(2_000, 6)).astype(np.float32)
    x[::7, 1], x[::5, 2] = np.nan, 0
    x[:, 4:] = rng.integers(-1, 40, (2_000, 2))
    x[::11, 5] = np.nan
    return x


@pytest.fixture(scope="module")
def forest(rows) -> Forest:
    target = np.sin(20 * rows[:, 0]) + np.isin(rows[:, 4], [3, 9, 27]) * rows[:, 3] + np.nan_to_num(rows[:, 1])
    data = lightgbm.Dataset(rows, target, categorical_feature=[4, 5])
    chosen = {
        "verbose": -1,
        "num_threads": 1,
        "num_leaves": 300,
        "max_bin": 2000,
        "min_data_in_leaf": 1,
        "cat_smooth": 1,
    }
    return Forest.parse(lightgbm.train(chosen, data, 12).model_to_string())


@pytest.mark.parametrize("own", [(), (0,), (4,), (4, 5), (0, 1, 2, 3), (1, 3, 5), (0, 1, 2, 3, 4, 5)])
@pytest.mark.parametrize("pairs", [0, 1, 33, 600])
def test_binned_items_give_the_bits_of_their_floats(forest, rows, own, pairs):
    binned = forest.binned(own)
    items = binned.prepare(np.ascontiguousarray(rows.T[list(own)]))
    numbers = np.random.default_rng(pairs).integers(0, len(rows), pairs)
    columns = np.ascontiguousarray(rows[numbers].T)
    for trees in (None, 5):
        found = binned.score(np.ascontiguousarray(columns[binned.others]), items, numbers, trees)
        assert found.tobytes() == forest.score(columns, trees).tobytes()


def test_a_record_is_shorter_than_its_floats_however_many_bitsets_ask_a_category(forest):
    rules = forest._packed.columns[:, 0]
    numbers = int((rules != BITSET).sum())
    assert (rules == BITSET).sum() * EIGHT > 24
    assert forest.binned(range(6)).bytes == -(-(4 * 2 + numbers) // 8) * 8 < 4 * 6


def test_records_may_be_part_of_longer_ones(forest, rows):
    binned = forest.binned((0, 4))
    items = binned.prepare(np.ascontiguousarray(rows.T[[0, 4]]))
    longer = np.zeros(len(rows), [("before", "<i8"), ("binned", "u1", (binned.bytes,))])
    longer["binned"] = items
    numbers = np.arange(50)[::-1].copy()
    columns = np.ascontiguousarray(rows[numbers].T[binned.others])
    assert binned.score(columns, longer["binned"], numbers).tobytes() == binned.score(columns, items, numbers).tobytes()


def test_records_and_numbers_that_do_not_fit_are_refused(forest, rows):
    binned = forest.binned((0, 4))
    items, numbers = binned.prepare(np.ascontiguousarray(rows.T[[0, 4]])), np.arange(3)
    columns = np.ascontiguousarray(rows[:3].T[binned.others])
    for wrong in (items[:, :4], items.astype(np.int8), items.reshape(-1), np.asfortranarray(items)):
        with pytest.raises(DataError, match="prepare them again"):
            binned.score(columns, wrong, numbers)
    for wrong in (numbers[:2], numbers.astype(np.int32), np.arange(6)[::2]):
        with pytest.raises(DataError, match="numbers of records"):
            binned.score(columns, items, wrong)
    for wrong in (-1, len(rows)):
        with pytest.raises(DataError, match="not among"):
            binned.score(columns, items, np.array([0, 1, wrong]))
    with pytest.raises(DataError, match="trained on 4 columns"):
        binned.score(np.ascontiguousarray(rows[:3].T), items, numbers)
    with pytest.raises(DataError, match="trained on 2 columns"):
        binned.prepare(columns)


def test_forests_with_the_same_thresholds_share_records_and_others_do_not(forest):
    again = Forest(forest._trees)
    assert again.binned((0, 4)).fingerprint == forest.binned((0, 4)).fingerprint
    assert again.binned((0, 4)).fingerprint != forest.binned((1, 4)).fingerprint
    moved = Forest(replace(forest._trees, threshold=forest._trees.threshold * 2))
    assert moved.binned((0,)).fingerprint != forest.binned((0,)).fingerprint
    assert moved.binned((4, 5)).fingerprint == forest.binned((4, 5)).fingerprint  # codes are codes in any forest
