import numpy as np
import xxhash

from searchrank.serving_log import FeaturesDigest, item_digests


def digest(*blocks):
    found = FeaturesDigest()
    for block in blocks:
        found.add(block)
    return found.value


def test_it_is_the_hash_of_the_bytes():
    columns = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert digest(columns) % 2**64 == xxhash.xxh3_64_intdigest(columns.tobytes())


def test_one_bit_and_the_order_of_candidates_change_it():
    columns = np.arange(6, dtype=np.float32).reshape(2, 3)
    other_zero = np.where(columns == 0, np.float32(-0.0), columns)
    assert len({digest(columns), digest(columns[:, ::-1]), digest(other_zero)}) == 3


def test_blocks_are_taken_one_after_another():
    first, second = np.zeros((2, 4), np.float32), np.ones((2, 3), np.float32)
    assert digest(first, second) % 2**64 == xxhash.xxh3_64_intdigest(first.tobytes() + second.tobytes())


def test_items_digested_beforehand_give_the_digest_of_the_whole_matrix():
    columns = np.random.default_rng(0).normal(size=(7, 50)).astype(np.float32)
    whole, parts = FeaturesDigest((1, 4)), FeaturesDigest((1, 4))
    whole.add(columns)
    parts.add_parts(columns[[0, 2, 3, 5, 6]], item_digests(columns[[1, 4]]))
    assert whole.value == parts.value != digest(columns)


def test_one_bit_of_an_item_changes_its_digest_alone():
    columns = np.random.default_rng(0).normal(size=(5, 40)).astype(np.float32)
    columns[2, 7] = 0.0
    other = columns.copy()
    other[2, 7] = -0.0
    assert np.flatnonzero(item_digests(columns) != item_digests(other)).tolist() == [7]
    swapped = item_digests(columns[::-1])
    assert len({*item_digests(columns).tolist(), *swapped.tolist()}) == 80
