"""Lists of recommendations beside each other, and beside those of what is live."""

from math import log2

import numpy as np
import pytest

from trainer.evaluation.comparison import CHAMPION_RANKING, MODEL, Rival
from trainer.levels import judge
from trainer.levels.judging import Against

LISTS = [np.array([1, 2]), np.array([3, 4])]
TURNED = [np.array([2, 1]), np.array([3, 4])]
WANTED = [np.array([1]), np.array([3])]


def test_a_ranking_is_measured_by_what_people_wanted():
    found = judge({MODEL: TURNED, "popularity": LISTS}, WANTED)
    assert found.metrics[MODEL]["ndcg@10"] == pytest.approx((1 / log2(3) + 1) / 2)
    assert found.differences["popularity"].mean == pytest.approx((1 / log2(3) - 1) / 2)
    assert found.rival is None


def test_what_is_live_is_compared_with_in_every_slice():
    against = Against(Rival("d", 2), {"first": np.array([True, False])}, 0.025)
    rival = judge({MODEL: TURNED, CHAMPION_RANKING: LISTS}, WANTED, against).rival
    assert [(one.name, one.queries) for one in rival.slices] == [("all", 2), ("first", 1)]
    assert rival.slices[1].difference == pytest.approx(1 / log2(3) - 1)


def test_what_is_live_and_could_not_be_asked_is_told_of():
    rival = Rival("d", 2, problem="it reads other definitions")
    assert judge({MODEL: LISTS}, WANTED, Against(rival, {}, 0.025)).rival == rival
