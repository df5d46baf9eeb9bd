import datetime as dt

import numpy as np
import pyarrow as pa
import pytest

from searchrank.errors import DataError
from searchrank.features import Input, InputType, encode, hash_text
from searchrank.features.inputs import MISSING_TIME


def one(kind, values, **options):
    item = Input(name="item.x", type=InputType(kind), **options)
    return encode([item], {"item.x": values}, len(values))["item.x"]


def test_missing_numbers_stay_missing_unless_the_policy_says_otherwise():
    assert np.isnan(one("float", [None, 2.0])[0])
    assert one("float", [None, 2.0], missing=7.0).tolist() == [7.0, 2.0]


def test_missing_and_empty_lists_differ_unless_the_policy_says_otherwise():
    assert one("list", [None, [], ["a"]], limit=2)["count"].tolist() == [-1, 0, 1]
    assert one("list", [None, [], ["a"]], limit=2, missing=())["count"].tolist() == [0, 0, 1]


def test_a_list_is_cut_at_its_limit_and_keeps_its_order():
    cells = one("list", [["c", "a", "b"]], limit=2)
    assert cells["values"][0].tolist() == [hash_text("c"), hash_text("a")]


def test_equal_texts_of_different_unicode_forms_are_one_category():
    composed, decomposed = one("category", ["caf\u00e9", "cafe\u0301"])
    assert composed == decomposed != 0


def test_a_missing_category_is_zero_or_the_policy_word():
    assert one("category", [None, "x"]).tolist() == [0, hash_text("x")]
    assert one("category", [None, "x"], missing="none").tolist() == [hash_text("none"), hash_text("x")]


def test_map_keys_ascend_and_the_last_of_equal_keys_wins():
    cells = one("map", [[("a", 1.0), ("b", 2.0), ("a", 3.0)]], limit=5)[0]
    pairs = dict(zip(cells["keys"][: cells["count"]].tolist(), cells["values"].tolist(), strict=False))
    assert pairs == {hash_text("a"): 3.0, hash_text("b"): 2.0}
    assert sorted(pairs) == cells["keys"][:2].tolist()


def test_arrow_dictionary_list_and_chunked_columns_encode_alike():
    texts = ["hot pot", None, "茶 tea"]
    plain = one("tokens", texts, limit=4)
    chunked = pa.chunked_array([pa.array(texts[:1]), pa.array(texts[1:], pa.string())])
    assert one("tokens", pa.array(texts).dictionary_encode(), limit=4).tobytes() == plain.tobytes()
    assert one("tokens", chunked, limit=4).tobytes() == plain.tobytes()


def test_time_is_utc_microseconds():
    when = dt.datetime(1970, 1, 2, tzinfo=dt.UTC)
    assert one("time", [when, None]).tolist() == [86_400_000_000, MISSING_TIME]


@pytest.mark.parametrize(
    ("kind", "values", "options"),
    [
        ("float", ["dear"], {}),
        ("category", [3], {}),
        ("point", [[91.0, 0.0]], {}),
        ("point", [[1.0]], {}),
        ("vector", [[1.0, 2.0, 3.0]], {"size": 2}),
        ("list", ["text"], {"limit": 3}),
        ("map", [3.0], {"limit": 3}),
        ("time", ["yesterday"], {}),
    ],
)
def test_a_wrong_type_names_the_input(kind, values, options):
    with pytest.raises(DataError, match=r"item\.x"):
        one(kind, values, **options)


def test_a_short_column_names_the_input():
    with pytest.raises(DataError, match=r"item\.x: 1 values for 2 rows"):
        encode([Input(name="item.x", type=InputType.FLOAT)], {"item.x": [1.0]}, 2)
