"""Rules, their order and their conflicts."""

import numpy as np
import pytest

from searchrank.reranking import Reranker
from tests.unit.reranking.slates import FEATURES, arranged, falling, reranker, slate


def test_nothing_to_arrange_is_an_empty_list():
    found = arranged(['pin "i1" at 1', "bury when item.price > 1"], scores=[])
    assert (found.order.tolist(), found.relaxed, found.applied) == ([], (), ())


def test_without_rules_items_go_by_score_ties_in_the_given_order_and_unscored_ones_last():
    found = arranged(scores=[1.0, np.nan, 3.0, 1.0, np.nan, np.inf])
    assert found.order.tolist() == [5, 2, 0, 3, 1, 4]
    assert found.propensities is None


def test_a_pinned_item_stands_at_its_place_and_the_others_keep_their_order():
    found = arranged(['pin "i4" at 2'], scores=falling(6))
    assert found.order.tolist() == [0, 4, 1, 2, 3, 5]
    assert found.reasons(4) == ('pin "i4" at 2',)
    assert (found.before[4], found.after[4]) == (4, 1)
    assert found.applied == (('pin "i4" at 2', 1),)


def test_a_pin_holds_where_its_condition_is_true():
    rule = 'pin "i4" at 1 when request.query == "lamp"'
    assert arranged([rule], scores=falling(6), query="lamp").order[0] == 4
    assert arranged([rule], scores=falling(6), query="desk").order[0] == 0
    assert arranged([rule], scores=falling(6)).order[0] == 0  # unknown is not true


def test_a_word_of_the_query_may_be_a_condition():
    rule = 'pin "i4" at 1 when contains(request.words, "lamp")'
    assert arranged([rule], scores=falling(6), query="desk lamp").order[0] == 4


def test_of_two_pins_at_one_place_the_first_written_has_it():
    rules = ['pin "i4" at 1 when request.query == "lamp"', 'pin "i5" at 1']
    found = arranged(rules, scores=falling(6), query="lamp")
    assert found.order.tolist() == [4, 5, 0, 1, 2, 3]
    assert [(one.rule, one.reason) for one in found.relaxed] == [
        ('pin "i5" at 1', "place 1 is taken by an earlier rule")
    ]


def test_an_item_that_is_pinned_twice_stands_where_the_first_rule_says():
    rules = ['pin "i4" at 3', 'pin "i4" at 1 when request.query == "lamp"']
    found = arranged(rules, scores=falling(6), query="lamp")
    assert found.order[2] == 4
    assert found.relaxed[0].reason == "the item is pinned by an earlier rule"


def test_a_pin_behind_the_end_stands_last_and_is_named():
    found = arranged(['pin "i0" at 9'], scores=falling(3))
    assert found.order.tolist() == [1, 2, 0]
    assert found.relaxed[0].reason == "the list has 3 places"


def test_a_pinned_item_that_is_no_candidate_is_named_where_its_rule_applies():
    rule = 'pin "gone" at 1 when request.query == "lamp"'
    (named,) = arranged([rule], scores=falling(3), query="lamp").relaxed
    assert (named.rule, named.reason) == (rule.replace('"', "'").replace("'gone'", '"gone"'), named.reason)
    assert named.reason == "the item is not among the candidates"
    assert arranged([rule], scores=falling(3), query="desk").relaxed == ()


def test_buried_items_stand_behind_all_others_even_unscored_ones():
    stock = [0.0, 1.0, np.nan, 1.0, 0.0]
    found = arranged(["bury when item.in_stock == 0"], scores=[5, np.nan, 3, 2, np.nan], in_stock=stock)
    assert found.order.tolist() == [2, 3, 1, 0, 4]
    assert found.applied == (("bury when item.in_stock == 0", 2),)


def test_a_pin_outdoes_a_bury():
    rules = ["bury when item.in_stock == 0", 'pin "i0" at 1']
    assert arranged(rules, scores=falling(3), in_stock=[0.0, 1.0, 1.0]).order.tolist() == [0, 1, 2]


def test_a_quota_takes_the_next_item_that_breaks_it_not():
    found = arranged(["at most 2 of 3 by item.brand"], scores=falling(6), brand=list("aaaabb"))
    assert found.order.tolist() == [0, 1, 4, 2, 3, 5]
    assert found.reasons(2) == ("at most 2 of 3 by item.brand",)
    assert found.relaxed == ()


def test_a_quota_of_the_first_places_says_nothing_of_the_others():
    found = arranged(["at most 1 of first 3 by item.brand"], scores=falling(6), brand=list("aaabcb"))
    assert found.order.tolist() == [0, 3, 4, 1, 2, 5]


def test_a_quota_without_groups_counts_what_its_condition_is_true_of():
    found = arranged(["at most 1 of first 3 when item.price > 5"], scores=falling(5), price=[9, 9, 9, 1, 1])
    assert found.order.tolist() == [0, 3, 4, 1, 2]


def test_none_of_the_first_places_may_be_asked_for():
    found = arranged(["at most 0 of first 2 when item.price > 5"], scores=falling(4), price=[9, 1, 9, 1])
    assert found.order.tolist() == [1, 3, 0, 2]


def test_items_without_a_group_are_never_counted():
    found = arranged(["space item.brand by 3"], scores=falling(4), brand=[None, None, "a", None])
    assert found.order.tolist() == [0, 1, 2, 3]


def test_spacing_heeds_what_is_pinned_further_down():
    found = arranged(
        ['pin "i5" at 3', "space item.seller by 3"], scores=falling(6), seller=["a", "a", "b", "c", "d", "a"]
    )
    assert found.order.tolist() == [2, 3, 5, 4, 0, 1]
    assert [(one.rule, one.place) for one in found.relaxed] == [("space item.seller by 3", 4)]


def test_a_rule_that_cannot_be_kept_gives_way_and_is_named():
    found = arranged(["space item.seller by 2"], scores=falling(4), seller=list("aaab"))
    assert found.order.tolist() == [0, 3, 1, 2]
    assert [tuple(one) for one in found.relaxed] == [
        ("space item.seller by 2", "too few other items from place 4 on", 3)
    ]


def test_a_rule_written_later_gives_way_first():
    rules = ["space item.seller by 2", "space item.brand by 2"]
    columns = {"seller": list("aab"), "brand": list("xyx")}
    found = arranged(rules, scores=falling(3), **columns)
    assert found.order.tolist() == [0, 2, 1]
    assert [one.rule for one in found.relaxed] == [rules[1]]
    assert arranged(rules[::-1], scores=falling(3), **columns).order.tolist() == [0, 1, 2]


def test_a_quota_takes_no_unscored_item_before_a_scored_one():
    found = arranged(["space item.seller by 2"], scores=[3, 2, np.nan], seller=list("aab"))
    assert found.order.tolist() == [0, 1, 2]
    assert found.relaxed[0].place == 1


def test_of_an_item_that_was_sent_twice_one_is_pinned():
    made = reranker('pin "i1" at 1')
    given = slate(4)
    given.hashes[3] = given.hashes[1]
    assert made.arrange(given, falling(4), "r").order.tolist() == [1, 0, 2, 3]


def test_an_ordering_is_read_again_from_what_the_log_keeps():
    made = reranker(
        ' pin  "i1"  at 2',
        "space item.brand   by 3 when item.price<4",
        diversity={"lambda": 0.5, "over": "item.brand"},
        explore={"method": "swap", "rate": 0.1},
    )
    again = Reranker.logged(made.version, FEATURES)
    assert (again.version, again.texts) == (made.version, made.texts)
    assert made.texts == ('pin "i1" at 2', "space item.brand by 3 when item.price < 4")
    assert made.version.startswith(f"default#{made.digest} {{")


@pytest.mark.parametrize("n", [1, 10_000])
def test_any_number_of_candidates_is_arranged(n):
    brand = [f"b{k % 7}" for k in range(n)]
    found = arranged(
        ["at most 2 of 10 by item.brand", "bury when item.price > 9_000"],
        scores=falling(n),
        brand=brand,
        price=np.arange(n, dtype=float),
        parts={"diversity": {"lambda": 0.5, "over": "item.brand"}},
    )
    assert sorted(found.order.tolist()) == list(range(n))
