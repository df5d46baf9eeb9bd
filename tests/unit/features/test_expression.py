import numpy as np
import pytest

from searchrank.errors import DefinitionError
from searchrank.features import OPERATORS, Evaluator, Expression, FeatureSet, Kind, Plan, Rows

FEATURES = FeatureSet.parse("""
inputs:
  item.price: {type: float}
  item.category: {type: category}
  item.tags: {type: list, limit: 4}
  item.opened: {type: time}
  item.clicks: {type: signal, count: click}
  user.age: {type: float}
  candidate.eta: {type: float}
features:
  cheap: item.price < 10
  double: item.price * 2
""")
ITEMS = {
    "item.price": [5.0, 15.0, None],
    "item.category": ["cafe", "bar", None],
    "item.tags": [["wifi"], [], None],
}


def parse(text: str) -> Expression:
    return Expression.parse(text, FEATURES, source="filter")


def values(text: str) -> list[float | None]:
    """Compute an expression for the three items."""
    plan = Plan.of_nodes(FEATURES, {"value": parse(text).node})
    evaluator = Evaluator(plan)
    block = evaluator.derive(FEATURES.item_encoder.encode(ITEMS, 3))
    requests, candidates = FEATURES.request_encoder.missing(1), FEATURES.candidate_encoder.missing(3)
    found = evaluator.evaluate(block, Rows(np.arange(3), requests, np.zeros(3, np.int64), candidates))[0]
    return [None if np.isnan(v) else float(v) for v in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('item.category in ["cafe", "pub"]', [1, 0, None]),
        ('item.category not in ["cafe"]', [0, 1, None]),
        ("item.price in [15, -1]", [0, 1, None]),
        ('"wifi" in item.tags', [1, 0, None]),
        ('"wifi" not in item.tags', [0, 1, None]),
        ("5 <= item.price < 15", [1, 0, None]),
        ("0 < item.price < 10 < 20", [1, 0, None]),
        ("cheap", [1, 0, None]),
        ("cheap or item.category == 'bar'", [1, 1, None]),
        ("coalesce(cheap, 1)", [1, 0, 1]),
        ("item.price < 10 and user.age > 3", [None, 0, None]),
    ],
)
def test_membership_and_chains_mean_what_python_means_and_missing_is_unknown(text, expected):
    assert values(text) == expected


@pytest.mark.parametrize(
    "text", ["item.price < 3", "cheap", "not cheap", "1 in item.tags or cheap", "is_missing(cheap)"]
)
def test_comparisons_and_logic_are_truths(text):
    if "item.tags" in text:
        text = text.replace("1", "'1'")
    assert parse(text).is_truth


@pytest.mark.parametrize(
    "text", ["item.price", "double", "3", "item.category", "item.tags", "coalesce(item.price, 1)", "cheap + cheap"]
)
def test_quantities_are_no_truths(text):
    assert not parse(text).is_truth


def test_every_operator_that_answers_yes_or_no_says_so():
    named = {o.name for group in OPERATORS.values() for o in group if o.summary.startswith(("1 if", "Logical"))}
    assert named == {o.name for group in OPERATORS.values() for o in group if o.truth}


@pytest.mark.parametrize(
    ("text", "of_item", "beforehand"),
    [
        ("cheap", True, True),
        ("item.price < user.age", False, True),
        ("user.age > 3", False, True),
        ("item.clicks > 0 and cheap", False, False),
        ("item.price < candidate.eta", False, False),
    ],
)
def test_what_an_expression_depends_on_is_known(text, of_item, beforehand):
    assert (parse(text).is_of_item, parse(text).is_known_beforehand) == (of_item, beforehand)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("item.prise < 3", "did you mean item.price"),
        ("item.price is 3", "compare values with =="),
        ("item.price in []", "nothing is in an empty list"),
        ("item.price in [[1]]", "a list in a list"),
        ("item.price in [item.price]", "a parameter is a constant"),
        ("item.price in ['a']", "equal does not take (number, category)"),
        ("3 in item.tags", "contains does not take (list, number)"),
        ("__import__('os').system('ls')", "call is not part"),
        ("", "this is not an expression"),
        ("1" + " < 1" * 17, "at most 16 comparisons"),
    ],
)
def test_what_is_refused_is_pointed_at(text, reason):
    with pytest.raises(DefinitionError) as caught:
        parse(text)
    assert reason in str(caught.value)
    assert "^" in str(caught.value)


def test_a_long_chain_is_not_a_deep_graph():
    plan = Plan.of_nodes(FEATURES, {"value": parse(" or ".join(["cheap"] * 450)).node})
    assert plan.candidate.kinds == (Kind.NUMBER,)


def test_a_column_that_is_neither_number_nor_category_is_refused():
    with pytest.raises(DefinitionError, match="is a list"):
        Plan.of_nodes(FEATURES, {"value": parse("item.tags").node})
