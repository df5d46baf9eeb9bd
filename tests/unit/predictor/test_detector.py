"""When a share has left its bound, and that looking often alarms nobody."""

import numpy as np
import pytest

from predictor.detector import RECENT, Detector


def looked(detector, shares, *, start=0):
    """Return after how many groups the first bound was left; None: none was."""
    for moment, group in enumerate(shares, start):
        detector.look(np.atleast_1d(group), float(moment))
        if detector.alarmed.any():
            return moment - start + 1
    return None


def test_a_share_that_stays_at_its_bound_alarms_nobody_however_often_one_looks():
    rng = np.random.default_rng(3)
    for bound in (0.02, 0.2, 0.6):
        detector = Detector(np.full(50, bound), patience=1e5)
        assert looked(detector, rng.binomial(64, bound, (5_000, 50)) / 64) is None


def test_a_share_far_above_its_bound_alarms_after_some_groups():
    rng = np.random.default_rng(3)
    assert looked(Detector(np.array([0.02])), rng.binomial(64, 0.1, (100, 1)) / 64) < 30
    assert looked(Detector(np.array([0.3])), rng.binomial(64, 0.9, (100, 1)) / 64) < 30


def test_it_takes_longer_where_more_is_looked_at():
    far = np.full((100, 1_000), 0.0)
    far[:, 0] = 0.1
    alone, among = Detector(np.array([0.02])), Detector(np.full(1_000, 0.02))
    assert looked(alone, far[:, :1]) < looked(among, far)


def test_the_alarm_says_when_it_began_and_ends_when_it_is_over():
    detector = Detector(np.array([0.02]))
    assert looked(detector, np.zeros((200, 1))) is None
    assert looked(detector, np.full((50, 1), 0.2), start=200) is not None
    assert detector.since[0] == pytest.approx(200, abs=2)
    for moment in range(300, 300 + RECENT):
        assert detector.alarmed.all()
        detector.look(np.zeros(1), float(moment))
        if not detector.alarmed.any():
            break
    assert not detector.alarmed.any()
    assert looked(detector, np.full((50, 1), 0.2)) is not None, "and it alarms again"


def test_a_bound_near_one_is_not_looked_at():
    assert looked(Detector(np.array([0.99, 1.0])), np.ones((1_000, 2))) is None
