import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from searchrank.errors import DataError
from searchrank.models.agreement import Agreement, first_change, overlap, rbo

LISTS = st.lists(st.integers(0, 30), unique=True, max_size=25)


def by_definition(one, other, p):
    """Equation 32, term by term."""
    short, long = sorted([one, other], key=len)
    s, n = len(short), len(long)

    def agreed(depth):
        return len(set(short[:depth]) & set(long[:depth]))

    head = sum(agreed(d) / d * p**d for d in range(1, n + 1))
    head += sum(agreed(s) * (d - s) / (s * d) * p**d for d in range(s + 1, n + 1))
    return (1 - p) / p * head + ((agreed(n) - agreed(s)) / n + agreed(s) / s) * p**n


@given(one=LISTS.filter(bool), other=LISTS.filter(bool), p=st.sampled_from([0.5, 0.9, 0.98]))
def test_the_overlap_is_that_of_the_paper(one, other, p):
    assert rbo(one, other, p) == pytest.approx(by_definition(one, other, p))
    assert rbo(one, other, p) == rbo(other, one, p)


@given(one=LISTS, p=st.floats(0.05, 0.99))
def test_a_list_is_as_itself(one, p):
    assert rbo(one, one, p) == pytest.approx(1.0)
    assert overlap(one, one, 10) == 1.0
    assert first_change(one, one) is None


def test_two_short_lists_by_hand():
    p = 0.9  # nothing in common at depth 1, both at depth 2, which goes on for ever
    assert rbo("ab", "ba") == pytest.approx((1 - p) / p * p**2 + p**2)
    assert rbo("a", "") == 0.0
    assert (overlap("abc", "abd", 3), overlap("abc", "abd", 2), overlap("ab", "abc", 10)) == (2 / 3, 1.0, 2 / 3)
    assert (first_change("abc", "abd"), first_change("ab", "abc"), first_change("", "")) == (3, 3, None)


def test_a_change_at_the_top_weighs_more():
    whole = list(range(10))
    swapped = [rbo(whole, [*whole[:k], whole[k + 1], whole[k], *whole[k + 2 :]]) for k in range(9)]
    assert swapped == sorted(swapped)


def test_sums_add_up_whichever_way_lists_are_shared_out():
    pairs = list(itertools.product(["abcd", "abdc", "dcba", "ab"], repeat=2))
    whole, parts = Agreement(), [Agreement(), Agreement()]
    for number, (one, other) in enumerate(pairs):
        whole.add(one, other)
        parts[number % 2].add(one, other)
    parts[1].leave_out("busy")
    joined = Agreement.from_json(parts[0].joined(parts[1]).to_json())
    assert joined.left_out == {"busy": 1}
    assert joined.figures() == pytest.approx(whole.figures())
    figures = whole.figures()
    assert figures["changed"] == 12 / 16
    assert figures["rbo"] == pytest.approx(sum(rbo(*pair) for pair in pairs) / 16)
    assert figures["churn_10"] == pytest.approx(1 - figures["overlap_10"])
    places = sorted(place for pair in pairs if (place := first_change(*pair)) is not None)
    assert figures["first_change"] == places[(len(places) - 1) // 2]


def test_of_no_lists_nothing_is_known():
    assert all(map(math.isnan, Agreement().figures().values()))


@pytest.mark.parametrize("content", [None, [], {}, {"lists": 1}, Agreement().to_json() | {"overlaps": [1.0]}])
def test_other_content_is_refused(content):
    with pytest.raises(DataError):
        Agreement.from_json(content)
