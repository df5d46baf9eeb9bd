"""A filter taken apart says what it says whole, of every item."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from predictor.screens import Screens
from recall.filtering import Case, Compiled, Joined, Member, Single, TooManyError, Written, ask, conditions, leaves
from recall.filtering.truth import truths_of
from searchrank.features import Expression, FeatureSet, Scope

FEATURES = FeatureSet.parse("""
inputs:
  request.shops: {type: list, of: shop, limit: 12}
  request.areas: {type: list, of: area, limit: 12}
  user.age:      {type: float}
  item.shop:     {type: category}
  item.area:     {type: category}
  item.price:    {type: float}
features:
  far: item.price * user.age
""")
SINGLE = [
    "item.shop in request.shops",
    "item.shop not in request.shops",
    "item.area in request.areas",
    "'s3' in request.shops",
    "is_missing(request.shops)",
    "size(request.shops) > 3",
    "item.area in ['s1', 's2']",
    "item.price < 3",
    "item.price < user.age",
    "far",
    "user.age > 2",
    "where(user.age > 2, item.price < 1, item.shop in request.shops)",
]
NAMES = [f"s{k}" for k in range(9)]


def compiled(text: str) -> Compiled:
    return Compiled(Expression.parse(text, FEATURES), FEATURES)


def corpus(seed: int, rows: int) -> np.ndarray:
    """Return records of random items, some values missing, shops in runs every other time; the last one all missing."""
    generator = np.random.default_rng(seed)
    shops = generator.integers(0, 10, rows)
    shops = np.sort(shops) if seed % 2 else shops
    columns = {
        "item.shop": [None if k == 9 else NAMES[k] for k in shops.tolist()],
        "item.area": [None if k == 9 else NAMES[k] for k in generator.integers(0, 10, rows).tolist()],
        "item.price": np.where(generator.random(rows) < 0.2, np.nan, generator.integers(0, 6, rows)).tolist(),
    }
    return np.concatenate([FEATURES.item_encoder.encode(columns, rows), FEATURES.item_encoder.missing(1)])


def asked(shops: list[str] | None = None, areas: list[str] | None = None, age: float | None = None) -> np.ndarray:
    columns = {"request.shops": [shops], "request.areas": [areas], "user.age": [age]}
    return FEATURES.request_encoder.encode(columns, 1)


TEXTS = st.recursive(
    st.sampled_from(SINGLE),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]} and {pair[1]})"),
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]} or {pair[1]})"),
        inner.map(lambda text: f"(not {text})"),
    ),
    max_leaves=6,
)
LISTS = st.none() | st.lists(st.sampled_from([*NAMES, "unknown"]), max_size=12)


@settings(max_examples=60, deadline=None)
@given(text=TEXTS, seed=st.integers(0, 99), shops=LISTS, areas=LISTS, age=st.none() | st.floats(0, 6, width=16))
def test_a_filter_taken_apart_equals_a_scan_of_every_item(text, seed, shops, areas, age):
    records, record = corpus(seed, seed), asked(shops, areas, age)
    condition = compiled(text)
    expected = truths_of(condition.of_items(record, records[:-1]))
    for items in (Screens(records), Screens(records, most_bytes=0), Written(records[:-1])):
        for _ in range(2):  # the second time from what is kept
            assert ask(conditions(condition), Case(record, items)).tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("shops", "expected"),
    [
        (["s1", "s2", "s1", "nowhere"], [2, 2, 0, 1]),  # repeated and unknown ones are fine
        ([], [0, 0, 0, 1]),
        (["nowhere"], [0, 0, 0, 1]),
        (None, [1, 1, 1, 1]),
    ],
)
def test_a_list_allows_its_own_and_a_missing_one_leaves_all_unknown(shops, expected):
    records = FEATURES.item_encoder.encode({"item.shop": ["s1", "s2", "s3", None]}, 4)
    condition = conditions(compiled("item.shop in request.shops"))
    screens = Screens(np.append(records, FEATURES.item_encoder.missing(1)))
    assert ask(condition, Case(asked(shops), screens)).tolist() == expected
    assert ask(condition, Case(asked(shops), Written(records))).tolist() == expected


def test_what_costs_least_is_asked_first_and_items_alone_at_once():
    found = conditions(
        compiled("item.price < user.age and item.shop in request.shops and user.age > 1 and 0 < far < 9")
    )
    assert isinstance(found, Joined)
    told = [leaf if isinstance(leaf, Member) else leaf.scope for leaf in leaves(found)]
    assert told == [Scope.REQUEST, Member("item.shop", "request.shops"), *[Scope.CANDIDATE] * 3]
    alone = conditions(compiled("item.price < 3 and not item.area == 's1'"))
    assert isinstance(alone, Single)
    assert alone.scope is Scope.ITEM


def test_a_costly_condition_is_asked_of_what_is_left_alone():
    records, record = corpus(1, 90), asked(["s1"], None, 3.0)
    condition = compiled("item.shop in request.shops and item.price < user.age")
    expected = truths_of(condition.of_items(record, records[:-1]))
    undecided = int(np.count_nonzero(ask(Member("item.shop", "request.shops"), Case(record, Written(records[:-1])))))
    assert 0 < undecided < 40
    enough = Screens(records, of_request=undecided)
    assert ask(conditions(condition), Case(record, enough)).tolist() == expected.tolist()
    with pytest.raises(TooManyError):
        ask(conditions(condition), Case(record, Screens(records, of_request=undecided - 1)))
