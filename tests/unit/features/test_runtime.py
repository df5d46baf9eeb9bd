import numpy as np
import pytest

from searchrank.errors import DataError, DefinitionError
from searchrank.features import Evaluator, FeatureSet, FittedInput, ModelInput, Plan, Rows, fit, hash_text

FEATURES = FeatureSet.parse("""
inputs:
  item.price: {type: float}
  item.category: {type: category}
  item.embedding: {type: vector, size: 3}
  request.budget: {type: float, missing: 10}
  user.embedding: {type: vector, size: 3}
  user.taste: {type: map, limit: 4}
  candidate.eta: {type: float}
features:
  cheap: 1 / item.price
  budget_log: log1p(request.budget)
  fits: item.price <= request.budget
  slow: candidate.eta * cheap
  taste: lookup(user.taste, item.category)
  match: dot(user.embedding, item.embedding)
  category: item.category
""")
NUMBERS = ("cheap", "budget_log", "fits", "slow", "taste", "match")


def plan(*features: str) -> Plan:
    return Plan.compile(FEATURES, [FittedInput(f, f, ()) for f in features])


def world(n: int = 3_000):
    rng = np.random.default_rng(0)
    items = FEATURES.item_encoder.encode(
        {
            "item.price": np.where(rng.random(101) < 0.2, np.nan, rng.random(101)),
            "item.category": [["tea", "noodles", None][k] for k in rng.integers(0, 3, 101)],
            "item.embedding": [None if k == 5 else rng.normal(size=3).tolist() for k in range(101)],
        },
        101,
    )
    items[100] = FEATURES.item_encoder.missing()[0]
    requests = FEATURES.request_encoder.encode(
        {
            "request.budget": [0.5, None, 2.0],
            "user.embedding": [[1, 0, 0], None, [0, 1, 2]],
            "user.taste": [{"tea": 0.5}, {}, None],
        },
        3,
    )
    candidates = FEATURES.candidate_encoder.encode({"candidate.eta": rng.random(n)}, n)
    return items, Rows(rng.integers(0, 101, n), requests, np.sort(rng.integers(0, 3, n)), candidates)


def test_values_follow_the_definitions():
    items, rows = world()
    evaluator = Evaluator(plan(*NUMBERS))
    cheap, budget, fits, slow, taste, match = evaluator.evaluate(evaluator.derive(items), rows)
    price = items["item.price"][rows.item_rows]
    given = rows.requests["request.budget"][rows.request_rows]
    np.testing.assert_array_equal(cheap, np.float32(1) / price)
    np.testing.assert_allclose(budget, np.log1p(given), rtol=1e-6)
    known = ~np.isnan(price)
    np.testing.assert_array_equal(fits[known], (price <= given)[known].astype(np.float32))
    assert np.isnan(fits[~known]).all()
    np.testing.assert_array_equal(slow, rows.candidates["candidate.eta"] * cheap)
    tea = items["item.category"][rows.item_rows] == hash_text("tea")
    np.testing.assert_array_equal(taste == 0.5, tea & (rows.request_rows == 0))
    assert np.isnan(match[rows.request_rows == 1]).all()


@pytest.mark.parametrize("batch", [1, 7, 100, 1_024, 1_025])
def test_the_bits_do_not_depend_on_the_batch(batch):
    items, rows = world()
    evaluator = Evaluator(plan(*NUMBERS))
    block = evaluator.derive(items)
    whole = evaluator.evaluate(block, rows)
    parts = [evaluator.evaluate(block, rows.part(i, i + batch)) for i in range(0, len(rows), batch)]
    assert np.concatenate(parts, axis=1).tobytes() == whole.tobytes()


def test_every_missing_value_leaves_as_one_nan():
    items, rows = world()
    evaluator = Evaluator(plan(*NUMBERS))
    bits = evaluator.evaluate(evaluator.derive(items), rows).view(np.uint32)
    assert set(bits[np.isnan(bits.view(np.float32))].tolist()) == {0x7FC00000}


def test_an_item_only_feature_is_read_from_the_block_not_computed_again():
    items, rows = world()
    evaluator = Evaluator(plan("cheap", "slow"))
    block = evaluator.derive(items)
    field = next(name for name in block.dtype.names if name != "_pad")
    block[field] = 3.0
    cheap, slow = evaluator.evaluate(block, rows)
    assert (cheap == 3.0).all()
    np.testing.assert_array_equal(slow, rows.candidates["candidate.eta"] * np.float32(3))


@pytest.mark.parametrize("names", [NUMBERS, ("cheap", "cheap_twice"), ("taste", "slow")])
def test_columns_of_pairs_and_of_items_make_up_the_matrix(names):
    items, rows = world()
    inputs = [FittedInput(name.removesuffix("_twice"), name, ()) for name in names]
    evaluator = Evaluator(Plan.compile(FEATURES, inputs))
    block = evaluator.derive(items)
    whole = evaluator.evaluate(block, rows)
    own = [k for k, name in enumerate(names) if name.startswith("cheap")]
    assert evaluator.plan.item_only == tuple(own)
    parts = evaluator.plan.item_columns(block)[:, rows.item_rows], evaluator.evaluate_pairs(block, rows)
    again = np.empty_like(whole)
    again[own], again[np.setdiff1d(np.arange(len(names)), own)] = parts
    assert again.tobytes() == whole.tobytes()


def test_no_rows_give_no_columns():
    items, rows = world()
    evaluator = Evaluator(plan(*NUMBERS))
    assert evaluator.evaluate(evaluator.derive(items), rows.part(0, 0)).shape == (len(NUMBERS), 0)


def test_a_row_number_out_of_range_is_refused_before_anything_is_read():
    items, rows = world(10)
    evaluator = Evaluator(plan("slow"))
    wrong = Rows(rows.item_rows + 200, rows.requests, rows.request_rows, rows.candidates)
    with pytest.raises(DataError, match=r"item_rows: 10 row numbers are not in 0\.\.100"):
        evaluator.evaluate(evaluator.derive(items), wrong)


def test_records_of_another_feature_file_are_refused():
    items, rows = world(10)
    other = FeatureSet.parse("inputs: {candidate.x: {type: float}}")
    wrong = Rows(rows.item_rows, rows.requests, rows.request_rows, other.candidate_encoder.missing(10))
    evaluator = Evaluator(plan("slow"))
    with pytest.raises(DataError, match="encode them again"):
        evaluator.evaluate(evaluator.derive(items), wrong)


def test_a_category_needs_a_transform_before_a_model():
    with pytest.raises(DefinitionError, match="a model takes numbers"):
        ModelInput.parse("category", FEATURES)


def test_two_models_share_a_feature_with_different_fitted_bins():
    items, rows = world()

    def evaluate(inputs):
        evaluator = Evaluator(Plan.compile(FEATURES, inputs))
        return evaluator.evaluate_columns(evaluator.derive(items), rows)

    texts = ["cheap | clip(0, 50) | bucketize(4)", "cheap | bucketize(16)", "category | vocabulary(5)"]
    fitted = fit([ModelInput.parse(t, FEATURES) for t in texts], evaluate)
    assert [f.column for f in fitted] == ["cheap", "cheap_2", "category"]
    values = evaluate(fitted)
    known = ~np.isnan(values["cheap"])
    assert len(np.unique(values["cheap"][known])) == 4
    assert len(np.unique(values["cheap_2"][known])) == 16
    missing = items["item.category"][rows.item_rows] == 0
    assert set(values["category"][missing]) == {0.0}
    assert set(values["category"][~missing]) == {3.0, 4.0}
    again = tuple(FittedInput.from_json(f.to_json()) for f in fitted)
    assert Plan.compile(FEATURES, again).fingerprint == Plan.compile(FEATURES, fitted).fingerprint


def test_a_feature_of_which_nothing_is_known_yet_still_becomes_a_column():
    items, rows = world()
    nothing = np.full(10, np.nan, np.float32)
    texts = ["slow | bucketize(4)", "slow | quantile(4)", "slow | standardize()"]
    inputs = [ModelInput.parse(text, FEATURES) for text in texts]
    evaluator = Evaluator(Plan.compile(FEATURES, fit(inputs, lambda partly: {i.column: nothing for i in partly})))
    assert evaluator.evaluate(evaluator.derive(items), rows).shape == (3, len(rows))


def test_the_column_of_a_repeated_feature_never_takes_another_features_name():
    feature_set = FeatureSet.parse("inputs: {item.x: {type: float}}\nfeatures: {x: item.x, x_2: item.x + 1}")
    inputs = [ModelInput.parse(text, feature_set) for text in ("x", "x", "x_2", "x_2", "x")]
    fitted = fit(inputs, lambda _partly: {})
    assert [f.column for f in fitted] == ["x", "x_3", "x_2", "x_2_2", "x_4"]
    assert len(Plan.compile(feature_set, fitted).columns) == 5


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("cheap | bucketize(1)", "bins is a whole number from 2"),
        ("cheap | quantile(2.5)", "bins is a whole number"),
        ("chaep", "did you mean cheap"),
        ("cheap | clap(0, 1)", "did you mean clip"),
        ("cheap | clip(0)", "needs high"),
        ("cheap | vocabulary(5)", "takes a category"),
        ("cheap | clip(0, x)", "takes numbers"),
        ("1 + cheap", "starts with the name"),
    ],
)
def test_a_wrong_model_input_says_why(text, reason):
    with pytest.raises(DefinitionError, match=reason):
        ModelInput.parse(text, FEATURES)
