import numpy as np
import pytest

from searchrank.errors import DataError
from searchrank.models import Linear


def test_the_score_is_the_weighted_sum_in_order():
    columns = np.array([[1.0, np.nan], [0.1, 0.1]], dtype=np.float32)
    tenth = float(np.float32(0.1))
    assert Linear((2.0, 3.0), 0.5).score(columns).tolist() == [0.5 + 2.0 * 1.0 + 3.0 * tenth, 0.5 + 3.0 * tenth]


def test_contributions_add_up_to_the_score():
    rng = np.random.default_rng(0)
    columns = rng.normal(size=(5, 20)).astype(np.float32)
    columns[2, ::3] = np.nan
    model = Linear(tuple(rng.normal(size=5).tolist()), 1.5)
    sums = [model.contributions(columns, row).sum() for row in range(20)]
    np.testing.assert_allclose(sums, model.score(columns), atol=1e-12)


def test_its_text_reads_back_the_same():
    model = Linear((0.1, 1 / 3), -2.0)
    assert Linear.parse(model.to_text()) == model


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"weights": 3}', '{"weights": ["x"]}', '{"weights": [NaN]}', '{"weights": [Infinity]}']
)
def test_a_text_that_is_no_linear_model_is_refused(text):
    with pytest.raises(DataError):
        Linear.parse(text)


def test_a_wrong_number_of_columns_and_a_row_that_is_not_there_are_refused():
    model = Linear((1.0, 2.0))
    with pytest.raises(DataError, match="2 columns, got 1"):
        model.score(np.zeros((1, 3), dtype=np.float32))
    with pytest.raises(DataError, match="row 3"):
        model.contributions(np.zeros((2, 3), dtype=np.float32), 3)
