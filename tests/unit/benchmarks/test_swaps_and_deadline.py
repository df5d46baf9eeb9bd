"""What the long-running benchmarks make of what they saw; their servers are run by ``make soak``."""

import numpy as np
import pytest
from swaps import _commands, _parts

deadline = pytest.importorskip("deadline")


class World:
    releases = (*map(str, range(5)),)
    snapshots = ("first", "second")


def test_every_other_swap_takes_the_one_before_it_back_and_each_tenth_row_swaps_the_snapshot():
    ways = _commands(World(), 260)
    assert len(ways) == 260
    assert [next(iter(one)) for one in ways[:4]] == ["promote", "rollback", "promote", "rollback"]
    assert [place for place, one in enumerate(ways) if "publish" in one] == [225]


def test_requests_within_half_a_second_of_a_swap_are_apart_from_the_others():
    sent, spent = np.array([0.0, 4.4, 4.6, 5.4, 5.6, 9.0]), np.arange(6.0)
    near, far = _parts(sent, spent, np.array([5.0]))
    assert (near.tolist(), far.tolist()) == ([2.0, 3.0], [0.0, 1.0, 4.0, 5.0])


@pytest.mark.parametrize(("delay", "unnamed"), [(0.0, 1), (0.2, 1), (0.05, 0)])
def test_an_answer_that_does_not_name_what_hung_is_counted(delay, unnamed):
    whole = {"ms": 20.0, "status": "OK", "left_out": []}
    named = whole | {"left_out": [["recall", "lexical", "no answer within 50 ms"]]}
    late = {"ms": 110.0, "status": "DEADLINE_EXCEEDED", "left_out": []}
    told = deadline._judged([whole, named, late], "lexical", 0.1, delay)
    assert (told["late"], told["degraded"], told["unnamed"]) == (1, 1, unnamed)


def test_the_step_that_was_taken_is_read_from_what_was_left_out():
    left_out = [
        ["score", "candidates", "overload: 50 of 200 were not scored"],
        ["score", "trees", "overload: 80 of 500"],
    ]
    assert deadline._step(left_out, 200) == (0.75, 80)
    assert deadline._step([], 200) == (1.0, 0)
