import time

import pytest

from searchrank.errors import DefinitionError
from searchrank.features import FeatureSet, Kind, Scope

INPUTS = """
inputs:
  item.price: {type: float}
  item.category: {type: category}
  item.embedding: {type: vector, size: 4}
  item.clicks_7d: {type: signal, count: click, window: 7d, refresh: 1h}
  user.embedding: {type: vector, size: 8}
  user.ctr: {type: map, rate: click, over: impression, by: item.category, strength: 10, prior: 0.1}
  request.budget: {type: float}
  candidate.eta: {type: float}
features:
"""


def parse(*features: str) -> FeatureSet:
    return FeatureSet.parse(INPUTS + "\n".join(f"  {line}" for line in features))


def refusal(*features: str) -> str:
    with pytest.raises(DefinitionError) as caught:
        parse(*features)
    return str(caught.value)


@pytest.mark.parametrize(
    ("expression", "scope"),
    [
        ("log1p(item.price)", Scope.ITEM),
        ("request.budget * 2", Scope.REQUEST),
        ("item.price / request.budget", Scope.CANDIDATE),
        ("candidate.eta + 1", Scope.CANDIDATE),
        ("item.clicks_7d + 1", Scope.CANDIDATE),
        ("lookup(user.ctr, item.category)", Scope.CANDIDATE),
        ("1 + 2", Scope.REQUEST),
    ],
)
def test_the_scope_follows_from_the_roots_reached(expression, scope):
    assert parse(f"x: {expression}").features["x"].scope is scope


def test_a_feature_may_use_features_defined_later():
    features = parse("b: a * 2", "a: log1p(item.price)").features
    assert features["b"].node.operands[0].key == features["a"].node.key


def test_equal_meaning_has_equal_fingerprint_whatever_the_spelling():
    assert parse("x: item.price + 1").fingerprint == parse("x:  add( item.price, 1.0 )").fingerprint


def test_the_fingerprint_changes_with_a_missing_policy_and_a_parameter():
    first = parse("x: clip(item.price, 0, 5)")
    assert first.fingerprint != parse("x: clip(item.price, 0, 6)").fingerprint
    text = (INPUTS + "  x: clip(item.price, 0, 5)").replace(
        "item.price: {type: float}", "item.price: {type: float, missing: 0}"
    )
    assert first.fingerprint != FeatureSet.parse(text).fingerprint


def test_the_canonical_form_parses_to_itself():
    first = parse("b: a*2", "a: clip(log1p(item.price), 0, 5)", "same: item.category == 'café 火锅'")
    second = FeatureSet.parse(first.canonical)
    assert second.canonical == first.canonical
    assert second.fingerprint == first.fingerprint


def test_a_string_is_a_category_constant():
    assert parse("x: item.category == 'noodles'").features["x"].kind is Kind.NUMBER


def test_an_error_points_at_the_place_and_suggests_the_word():
    message = refusal("x: log1p(item.prize) + 1")
    assert "features.yaml:12:12: unknown name item.prize" in message
    assert "did you mean item.price?" in message
    line, caret = message.splitlines()[1:3]
    assert line[caret.index("^") :].startswith("item.prize")


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("item.price.__class__", "attribute is not part"),
        ("__import__('os')", "unknown operator __import__"),
        ("(lambda: 1)()", "call is not part"),
        ("'[i for i in x]'", "listcomp is not part"),
        ("item.price if 1 else 2", "ifexp is not part"),
        ("log1p(*item.price)", "starred"),
        ("log1p(item.price, base=2)", "no parameter base"),
        ("log1p()", "needs 1 operands, got 0"),
        ("log1p(item.category)", "does not take (category)"),
        ("cosine(item.embedding, user.embedding)", "one size"),
        ("clip(item.price, 5, 0)", "clip"),
        ("item.price + 1e999", "finite"),
        ("item.price + True", "not a number"),
        ("item.price + 1j", "not a number"),
        ("x + 1", "circle: x -> x"),
        ("f'{item.price}'", "joinedstr is not part"),
        ("vocabulary(item.category)", "unknown operator vocabulary"),
    ],
)
def test_what_is_outside_the_grammar_is_refused_with_its_reason(expression, reason):
    written = expression if expression.startswith("'[") else f'"{expression}"'
    assert reason in refusal(f"x: {written}")


@pytest.mark.parametrize(
    "hostile",
    [
        "1" * 1_000_000,
        "(" * 4_000,
        "-" * 4_000 + "1",
        "+".join(["item.price"] * 300),
        "9" * 4_000,
        "log1p(" * 500 + "1" + ")" * 500,
        "item" + ".a" * 2_000,
        "not " * 1_000 + "1",
        "item.price ** 9 ** 9 ** 9 ** 9e99999",
        "\x00",
    ],
)
def test_hostile_text_is_refused_quickly(hostile):
    started = time.perf_counter()
    with pytest.raises(DefinitionError):
        FeatureSet.parse(INPUTS + f"  x: '{hostile}'")
    assert time.perf_counter() - started < 1.0


def test_features_that_double_each_other_stay_small():
    lines = ["f0: item.price + 1", *(f"f{i}: f{i - 1} * f{i - 1}" for i in range(1, 60))]
    assert len(parse(*lines).features) == 60


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("[1, 2]", "a feature file is a mapping"),
        ("inputs: {}\nfeatured: {}", "unknown part 'featured'"),
        ("features: {}", "no inputs"),
        ("inputs: {price: {type: float}}", "root.noun"),
        ("inputs: {item.price: {}}", "at least a type"),
        ("inputs: {item.price: {type: flaot}}", "did you mean float?"),
        ("inputs: {item.price: {type: float, misssing: nan}}", "did you mean missing?"),
        ("inputs: {item.v: {type: vector}}", "needs its size"),
        ("inputs: {item.v: {type: vector, size: -1}}", "whole number"),
        ("inputs: {item.c: {type: category, missing: 3}}", "does not fit category"),
        ("inputs: {item.price: {type: float}, item.price: {type: float}}", "stands twice in inputs:"),
        ("inputs: {user.x: {type: signal, count: click, window: 7 days}}", "not a duration"),
        ("inputs: {item.x: {type: map, count: click, by: item.c}}", "users and queries"),
        ("inputs: {candidate.p: {type: float, training_only: true}}", "serving: 1"),
        ("inputs: &a {item.x: {type: float}}\nfeatures: *a", "anchors"),
        ("inputs: {item.x: {type: float}", "not YAML"),
        ("inputs: {item.x: {type: !!python/object:os.system {}}}", "not"),
        ("inputs: {item.l: {type: list, missing: []}}", "does not fit list"),
        ("inputs: {item.x: {type: float, [1]: 2}}", "a plain word"),
        ("inputs: {item.x: {type: float, missing: 2020-13-45}}", "month must be in"),
        ("inputs: {item.x: {type: float, missing: !!bool maybe}}", "not plain"),
        (f"inputs: {{item.x: {{type: float, missing: {'1' * 400}}}}}", "fits a float32"),
        (f"inputs: {{item.x: {{type: float, missing: {'1' * 5_000}}}}}", "not plain"),
        ("inputs: {item.x: {type: float, missing: 1.0e+300}}", "fits a float32"),
        ("inputs: {item.x: {type: signal, count: click, window: 999999999d}}", "longer than"),
        ("inputs: {item.x: {type: signal, count: }}", "names a kind of event"),
        ("inputs: {item.x: {type: signal, rate: click, over: seen, strength: -5}}", "number of events"),
        ("inputs: {candidate.c: {type: category, training_only: true, serving: 1}}", "goes with a float"),
        ("inputs: {item.x: {type: float, training_only: true, serving: 1}}", "goes with a float"),
        ("inputs: {request.time: {type: float}}", "its type is time"),
        ("inputs: {item.c: {type: category}, user.m: {type: map, count: click, by: item.d}}", "did you mean item.c?"),
        ("inputs: {item.t: {type: time}, user.m: {type: map, count: click, by: item.t}}", "is not a category"),
        ("inputs: {item.x: {type: float}}\nfeatures: {_pad: item.x}", "a lower-case word"),
    ],
)
def test_a_wrong_file_is_refused_with_its_reason(text, reason):
    with pytest.raises(DefinitionError, match=r"[\s\S]*" + reason.replace("?", r"\?").replace(".", r"\.")):
        FeatureSet.parse(text)


def test_what_is_accepted_is_accepted_again_in_the_form_that_a_release_holds():
    edges = [f"[{','.join(map(str, range(count)))}]" for count in (100, 800, 950)]
    fits = parse(*(f"x{number}: bucket(item.price,{text})" for number, text in enumerate(edges[:2])))
    assert FeatureSet.parse(fits.canonical).fingerprint == fits.fingerprint
    assert len(edges[2]) < 4_000
    assert "canonical spacing" in refusal(f"x: bucket(item.price,{edges[2]})")
