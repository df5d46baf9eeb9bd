from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from searchrank.state.row_index import RowIndex

UPDATES = st.lists(st.dictionaries(st.integers(-5, 40), st.integers(0, 1000), min_size=1), max_size=30)


@settings(deadline=None, max_examples=40)
@given(UPDATES)
def test_the_newest_row_of_a_hash_is_found_and_older_indexes_keep_theirs(updates):
    index, known, past = RowIndex(), {}, []
    asked = np.arange(-6, 42)
    for update in updates:
        index = index.updated(np.array(list(update)), np.array(list(update.values())))
        known = known | update
        past.append((index, known))
    for then, told in past:
        rows = np.full(len(asked), -7)
        then.write(asked, rows)
        assert rows.tolist() == [told.get(k, -7) for k in asked.tolist()]
        assert then.hashes().tolist() == sorted(told)


def test_many_updates_make_few_tables_that_are_rarely_copied():
    index, copied = RowIndex(), 0
    for k in range(5_000):
        before = set(map(id, index.tiers))
        index = index.updated(np.array([k]), np.array([k]))
        copied += sum(len(tier.rows) for tier in index.tiers if id(tier) not in before)
    assert len(index.tiers) <= 5
    assert copied < 5_000 * 600
