import numpy as np
from signals import apart, measure


def test_pieces_in_any_order_give_what_all_at_once_gives_and_what_plain_counting_gives():
    figures = measure(5_000, 30)
    assert figures["differing_bytes"] == figures["max_difference"] == 0.0
    assert figures["batch"] > 0 < figures["incremental"]


def test_a_difference_is_seen():
    ours = {"n": np.array([1.0, 2.0], np.float32)}
    assert apart(ours, {"n": np.array([np.nan, 2.5], np.float32)}) == 0.5
