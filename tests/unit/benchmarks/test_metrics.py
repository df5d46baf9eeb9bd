from importlib.util import find_spec

import numpy as np
import pytest
from metrics import METRICS, Made, by_trec_eval, order_changes


def test_the_order_of_tied_rows_changes_nothing():
    assert order_changes(Made.of(300, ties=True)) == 0


@pytest.mark.skipif(find_spec("pytrec_eval") is None, reason="the peer is not installed")
def test_metrics_are_those_of_trec_eval():
    made = Made.of(300, ties=False)
    ranking = made.ranking()
    for name, values in by_trec_eval(made).items():
        assert np.abs(values - METRICS[name](ranking)).max() < 1e-9
