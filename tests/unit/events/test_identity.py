"""Hashes are those of the platform, and the set forgets and invents nothing."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from searchrank.events.identity import SeenIds, hash_ids
from searchrank.features.text import hash_text


@given(st.lists(st.text(), max_size=8))
def test_an_id_hashes_as_the_platform_hashes_texts(texts):
    assert hash_ids(pa.array(texts, pa.string())).tolist() == [hash_text(text) for text in texts]


@given(st.lists(st.lists(st.integers(-5, 30), max_size=12), max_size=12))
def test_unseen_agrees_with_a_python_set(appends):
    seen, model = SeenIds(), set()
    for values in appends:
        hashes = np.array(values, dtype=np.int64)
        expected = []
        for value in values:
            expected.append(value not in model)
            model.add(value)
        fresh = seen.unseen(hashes)
        assert fresh.tolist() == expected
        seen.add(hashes[fresh])
    assert len(seen) == len(model)
