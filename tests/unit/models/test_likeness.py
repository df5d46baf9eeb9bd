"""What served rows looked like, and how far they may stray."""

import numpy as np
import pytest

from searchrank.models import evenly, learn, profile_columns, with_likenesses
from searchrank.models.likeness import BINS, MISSING, SHARES, UNSEEN, Column

REQUESTS, ROWS = 960, 10
HOUR = 3_600_000_000


def learnt(*, price=None, category=None):
    rng = np.random.default_rng(5)
    n = REQUESTS * ROWS
    numbers = (rng.gamma(2.0, 30.0, n) if price is None else price)[None].astype(np.float32)
    categories = (rng.integers(1, 6, n) if category is None else category)[None]
    requests = np.repeat(np.arange(REQUESTS), ROWS)
    times = np.arange(REQUESTS) * HOUR // 4  # ten days, four an hour
    return learn(["price", "category"], numbers, categories, requests, times), numbers, categories


def shares(likeness, numbers, categories):
    return likeness.shares(numbers, categories, np.zeros(numbers.shape[1], np.int64), 1)[0]


def test_rows_like_those_of_training_are_within_all_bounds():
    likeness, numbers, categories = learnt()
    found = shares(likeness, numbers[:, :800], categories[:, :800])
    for column, share in zip(likeness.columns, found, strict=True):
        assert (share <= column.high).all()
        assert (share >= column.low).all()


def test_a_hundredfold_price_a_renamed_category_and_missing_values_leave_their_bounds():
    likeness, numbers, categories = learnt()
    price, category = likeness.columns
    assert (shares(likeness, numbers * 100, categories)[0] < price.low)[UNSEEN + 1 :].any()
    renamed = np.where(categories == 3, 99, categories)
    assert shares(likeness, numbers, renamed)[1, UNSEEN] == pytest.approx((categories == 3).mean())
    assert (categories == 3).mean() > category.high[UNSEEN]
    holes = numbers.copy()
    holes[:, ::10] = np.nan
    assert shares(likeness, holes, categories)[0, MISSING] == pytest.approx(1 / 10)
    assert price.high[MISSING] < 1 / 10


def test_what_moves_with_the_hour_in_training_may_move_while_serving():
    hours = np.repeat(np.arange(REQUESTS) // 4 % 24, ROWS)
    swinging, _, _ = learnt(price=np.where(hours < 12, 10.0, 1000.0) + np.arange(REQUESTS * ROWS) % 7)
    steady, _, _ = learnt()
    assert (swinging.columns[0].high - swinging.columns[0].low)[UNSEEN + 1 :].max() == 1.0
    assert (steady.columns[0].high - steady.columns[0].low)[UNSEEN + 1 :].max() < 0.5


def test_values_that_new_days_bring_may_be_new():
    days = np.repeat(np.arange(REQUESTS) // 96, ROWS)
    fresh, _, _ = learnt(category=np.where(np.arange(REQUESTS * ROWS) % 5 == 0, 100 + days, 1))
    assert fresh.columns[1].high[UNSEEN] > 0.2
    assert learnt()[0].columns[1].high[UNSEEN] < 0.01


def test_few_requests_teach_nothing():
    requests = np.repeat(np.arange(20), 5)
    assert (
        learn(["price"], np.ones((1, 100), np.float32), np.empty((0, 100), np.int64), requests, np.arange(20)) is None
    )


def test_a_column_of_nothing_has_nothing_to_stray_from():
    likeness, _, categories = learnt(price=np.full(REQUESTS * ROWS, np.nan))
    column = likeness.columns[0]
    assert column.shares[MISSING] == column.high[MISSING] == 1.0
    found = shares(likeness, np.full((1, 50), np.nan, np.float32), categories[:, :50])[0]
    assert (found <= column.high).all()
    assert (found >= column.low).all()


def test_a_column_is_the_same_after_writing_and_reading():
    likeness, numbers, _ = learnt()
    table = with_likenesses(profile_columns(["price"], numbers), {"recalled": likeness})
    rows = table.to_pylist()
    assert [row["source"] for row in rows] == [None, "recalled", "recalled"]
    for row, column in zip(rows[1:], likeness.columns, strict=True):
        read = Column.from_json(row)
        for name in ("edges", "bins", "shares", "low", "high"):
            np.testing.assert_array_equal(getattr(read, name), getattr(column, name))
        assert (read.name, read.is_whole) == (column.name, column.is_whole)
        assert read.shares.shape == (SHARES,)
    assert len(likeness.columns[0].edges) == BINS - 1


def test_places_are_spread_evenly_and_never_twice():
    assert evenly(3).tolist() == [0, 1, 2]
    assert evenly(100, 4).tolist() == [0, 25, 50, 75]
    assert evenly(0).tolist() == []
