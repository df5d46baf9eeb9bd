from collections import Counter

import numpy as np
import pytest
from sixty import (
    DEFINITIONS,
    WORD_TEXTS,
    draw,
    draw_request,
    feature_text,
    fill,
    fill_request,
    fitted_text,
    read_fitted,
    texts_of,
)
from sixty_numpy import run_numpy
from sixty_polars import expressions, matrix, to_frame

from searchrank.features import Evaluator, FeatureSet, Plan, Rows

ROWS = 300


@pytest.fixture(scope="module")
def drawn():
    rng = np.random.default_rng(5)
    return draw(rng, ROWS), draw_request(rng)


@pytest.fixture(scope="module")
def ours(drawn):
    table, request = drawn
    feature_set = FeatureSet.parse(feature_text("candidate"))
    evaluator = Evaluator(Plan.compile(feature_set, read_fitted(fitted_text())))
    nowhere = np.zeros(ROWS, np.int64)
    rows = Rows(nowhere, fill_request(feature_set, request), nowhere, fill(feature_set, "candidate", table))
    return evaluator.evaluate(evaluator.derive(feature_set.item_encoder.missing()), rows)


def empty():
    return np.empty((len(DEFINITIONS), ROWS), np.float32)


def test_there_are_sixty_in_the_families_of_the_prototype():
    counts = Counter(definition.family for definition in DEFINITIONS)
    assert counts == {
        "log1p": 12,
        "bucket": 8,
        "ratio": 4,
        "request_ratio": 4,
        "clip": 6,
        "hash": 6,
        "request_cross": 3,
        "cross": 3,
        "vocabulary": 4,
        "standardize": 4,
        "maximum": 3,
        "cosine": 1,
        "haversine": 1,
        "jaccard": 1,
    }


def test_a_tenth_of_every_family_is_missing_and_the_rest_is_not_constant(ours):
    for definition, column in zip(DEFINITIONS, ours, strict=True):
        missing = (column == 0).mean() if definition.family == "vocabulary" else np.isnan(column).mean()
        assert 0.03 < missing < 0.3, definition
        assert len(np.unique(column)) > 3, definition


def test_numpy_gives_our_bits_when_it_rounds_once(drawn, ours):
    np.testing.assert_array_equal(run_numpy(*drawn, empty(), wide=True), ours)


def test_numpy_in_float32_gives_our_numbers(drawn, ours):
    np.testing.assert_allclose(run_numpy(*drawn, empty()), ours, rtol=1e-5, atol=1e-6)


def test_polars_gives_our_numbers_for_all_sixty(drawn, ours):
    table, request = drawn
    values = matrix(to_frame(table).select(list(expressions(request).values())))
    np.testing.assert_allclose(values, ours, rtol=1e-5, atol=1e-6)


def test_records_filled_from_hashes_are_those_encoded_from_texts(drawn):
    table, _ = drawn
    feature_set = FeatureSet.parse(feature_text("candidate"))
    filled = fill(feature_set, "candidate", table)
    words = [" ".join(texts) if None not in (texts := texts_of(row)) else None for row in table.words]
    raw = {"candidate.words": words, "candidate.category_2": texts_of(table.categories[2])}
    encoded = feature_set.candidate_encoder.encode(raw, ROWS)
    for name in raw:
        np.testing.assert_array_equal(filled[name], encoded[name])


def test_words_of_a_row_are_distinct():
    table = draw(np.random.default_rng(6), 2_000)
    known = table.words[table.words[:, 0] != 0]
    assert (np.diff(np.sort(known, axis=1), axis=1) != 0).all()
    assert set(texts_of(known.ravel())) <= set(WORD_TEXTS)
