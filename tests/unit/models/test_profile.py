import numpy as np

from searchrank.models import profile_columns
from searchrank.models.profile import QUANTILES


def test_a_column_is_described_by_its_known_values():
    column = np.array([4, 1, np.nan, 3, 2], dtype=np.float32)
    (row,) = profile_columns(["price"], column[None]).to_pylist()
    assert (row["column"], row["count"], row["min"], row["max"], row["mean"]) == ("price", 5, 1.0, 4.0, 10 / 4)
    assert row["missing_share"] == 1 - 4 / 5
    assert len(row["quantiles"]) == QUANTILES
    assert (row["quantiles"][0], row["quantiles"][32], row["quantiles"][-1]) == (1.0, 2.0, 4.0)


def test_a_column_of_nothing_known_has_no_range():
    rows = profile_columns(["a", "b"], np.full((2, 3), np.nan, dtype=np.float32)).to_pylist()
    assert [(r["missing_share"], r["min"], r["quantiles"]) for r in rows] == [(1.0, None, None)] * 2
    assert profile_columns(["a"], np.empty((1, 0), dtype=np.float32)).to_pylist()[0]["missing_share"] == 0.0


def test_infinities_are_told_without_a_warning():
    (row,) = profile_columns(["a"], np.array([[np.inf, -np.inf]], dtype=np.float32)).to_pylist()
    assert (row["min"], row["max"]) == (-np.inf, np.inf)
