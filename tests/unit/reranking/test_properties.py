"""What every list keeps, whatever is scored, pinned, buried, counted, spaced or made unlike."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.reranking.slates import arranged

COUNTED = settings(max_examples=60, deadline=None)
SCORES = st.lists(st.one_of(st.just(float("nan")), st.integers(-5, 5).map(float)), min_size=1, max_size=30)
BRANDS = st.lists(st.sampled_from(["a", "b", "c", None]), min_size=30, max_size=30)
RULES = [
    'pin "i1" at 2',
    'pin "i0" at 40',
    "bury when item.in_stock == 0",
    "space item.brand by 3",
    "at most 1 of 4 by item.brand",
    "at most 0 of first 3 when item.in_stock == 1",
]
STOCK = st.lists(st.sampled_from([0.0, 1.0, float("nan")]), min_size=30, max_size=30)


def usual(scores) -> list[int]:
    """Return the order without any rule."""
    return np.argsort(-np.array(scores), kind="stable").tolist()


def places(brands, window):
    """Yield the runs of so many places; a shorter list is one run."""
    for start in range(max(1, len(brands) - window + 1)):
        yield brands[start : start + window]


@COUNTED
@given(scores=SCORES, brands=BRANDS, stock=STOCK, data=st.data())
def test_every_candidate_stands_at_one_place_and_the_same_list_comes_again(scores, brands, stock, data):
    n = len(scores)
    rules = data.draw(st.lists(st.sampled_from(RULES), max_size=4, unique=True))
    parts = data.draw(
        st.sampled_from(
            [{}, {"diversity": {"lambda": 0.5, "over": "item.brand"}}, {"explore": {"method": "epsilon", "rate": 0.5}}]
        )
    )
    columns = {"brand": brands[:n], "in_stock": stock[:n]}
    found, again = (arranged(rules, scores=scores, parts=parts, **columns) for _ in range(2))
    assert sorted(found.order.tolist()) == list(range(n))
    assert found.order.tolist() == again.order.tolist()
    assert found.before[usual(scores)].tolist() == list(range(n)) == found.after[found.order].tolist()
    if found.propensities is not None:
        assert ((found.propensities > 0) & (found.propensities <= 1)).all()


@COUNTED
@given(scores=SCORES, place=st.integers(1, 35), item=st.integers(0, 34))
def test_a_pin_moves_one_item_and_the_others_keep_their_order(scores, place, item):
    n = len(scores)
    found = arranged([f'pin "i{item}" at {place}'], scores=scores)
    expected = [one for one in usual(scores) if one != item]
    if item < n:
        expected.insert(min(place, n) - 1, item)
    assert found.order.tolist() == expected
    assert bool(found.relaxed) == (item >= n or place > n)


@COUNTED
@given(scores=SCORES, stock=STOCK)
def test_what_is_buried_stands_behind_and_both_parts_keep_their_order(scores, stock):
    order = usual(scores)
    found = arranged(["bury when item.in_stock == 0"], scores=scores, in_stock=stock[: len(scores)])
    assert found.order.tolist() == sorted(order, key=lambda one: stock[one] == 0)


@COUNTED
@given(scores=SCORES, brands=BRANDS, most=st.integers(1, 3), window=st.integers(4, 6))
def test_a_quota_holds_in_every_window_unless_it_is_named(scores, brands, most, window):
    found = arranged([f"at most {most} of {window} by item.brand"], scores=scores, brand=brands[: len(scores)])
    shown = [brands[one] for one in found.order.tolist()]
    over = [run for run in places(shown, window) if any(run.count(brand) > most for brand in set(run) - {None})]
    assert bool(over) == bool(found.relaxed)
    if found.relaxed:  # up to where it first gave way it holds
        before = shown[: found.relaxed[0].place]
        assert all(run.count(brand) <= most for run in places(before, window) for brand in set(run) - {None})
    kept = [brand for brand in set(brands) if brand is not None]
    for brand in [*kept, None]:  # items of one brand never overtake each other
        mine = [one for one in usual(scores) if brands[one] == brand]
        scored = [one for one in mine if not np.isnan(scores[one])]
        assert [one for one in found.order.tolist() if one in scored] == scored


@COUNTED
@given(scores=SCORES, brands=BRANDS, gap=st.integers(2, 5))
def test_spacing_is_a_quota_of_one(scores, brands, gap):
    columns = {"brand": brands[: len(scores)]}
    spaced = arranged([f"space item.brand by {gap}"], scores=scores, **columns)
    quota = arranged([f"at most 1 of {gap} by item.brand"], scores=scores, **columns)
    assert spaced.order.tolist() == quota.order.tolist()


def relevance_then_unlikeness(scores, brands, weight, depth):
    """Return an order by maximal marginal relevance, place by place (Carbonell and Goldstein, SIGIR 1998)."""
    order = [one for one in usual(scores) if not np.isnan(scores[one])]
    rest = [one for one in usual(scores) if np.isnan(scores[one])]
    if len(order) < 2:
        return order + rest
    high, low = scores[order[0]], scores[order[-1]]
    own = {one: (scores[one] - low) / (high - low) if high > low else 0.0 for one in order}
    chosen: list[int] = []
    while order and len(chosen) < depth:
        seen = {brands[one] for one in chosen} - {None}
        gains = [weight * own[one] - (1 - weight) * (brands[one] in seen) for one in order]
        chosen.append(order.pop(int(np.argmax(gains))))
    return chosen + order + rest


@COUNTED
@given(scores=SCORES, brands=BRANDS, weight=st.sampled_from([0.0, 0.25, 0.5, 1.0]), depth=st.integers(1, 12))
def test_diversity_is_maximal_marginal_relevance(scores, brands, weight, depth):
    parts = {"diversity": {"lambda": weight, "over": "item.brand", "depth": depth}}
    found = arranged(scores=scores, parts=parts, brand=brands[: len(scores)])
    assert found.order.tolist() == relevance_then_unlikeness(scores, brands, weight, depth)
