"""The forest engine on random models of every kind: not one bit may differ from LightGBM's."""

import pytest

pytest.importorskip("lightgbm")

from forest_models import KINDS, differing, differing_binned, differing_library, draw_model

from searchrank.errors import DataError
from searchrank.models import Forest

SEEDS = range(20, 50)


def test_no_bit_differs_from_lightgbm_on_random_models_of_every_kind():
    met = set()
    for seed in SEEDS:
        drawn = draw_model(seed)
        met |= drawn.kinds
        if "linear" in drawn.kinds:
            with pytest.raises(DataError, match="train without linear_tree"):
                Forest.parse(drawn.text)
            assert differing_library(drawn) == 0
        else:
            forest = Forest.parse(drawn.text)
            found = differing(drawn, forest), differing_binned(drawn, forest)
            assert found == (0, 0), f"seed {seed}: {sorted(drawn.kinds)}"
    assert met == set(KINDS)


def test_a_score_that_differs_in_one_bit_is_counted():
    drawn = draw_model(0)
    lines = drawn.text.split("\n")
    other = [
        f"leaf_value={' '.join(['0.125', *line.split()[1:]])}" if line.startswith("leaf_value=") else line
        for line in lines
    ]
    assert 0 < differing(drawn, Forest.parse("\n".join(other))) <= len(drawn.rows) * Forest.parse(drawn.text).classes
