from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from searchrank.errors import DataError
from searchrank.state.packing import Keys, framed, unframed


@given(st.lists(st.binary(max_size=40), max_size=5))
def test_frames_appended_read_as_their_contents(contents):
    assert unframed(b"".join(map(framed, contents))) == b"".join(contents)


@given(st.binary(min_size=1, max_size=40), st.integers(0, 2**16), st.integers(1, 255))
def test_no_changed_byte_goes_unseen(content, place, change):
    row = bytearray(framed(content))
    row[place % len(row)] ^= change
    with pytest.raises(DataError):
        unframed(bytes(row))


@given(st.binary(min_size=1, max_size=40), st.integers(1, 55))
def test_no_cut_goes_unseen(content, cut):
    row = framed(content)
    with pytest.raises(DataError):
        unframed(row[: max(1, len(row) - cut)])


def test_keys_of_one_project_share_a_slot_and_negative_hashes_have_names():
    keys = Keys("shop", "s1")
    assert keys.user(-1) == "{shop}:s1:u:ffffffffffffffff"
    assert keys.profile(10) == "{shop}:s1:p:000000000000000a"
    assert keys.offset.startswith("{shop}:")
    assert keys.snapshots.startswith("{shop}:")
