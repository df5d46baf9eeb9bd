import numpy as np
import xxhash

from searchrank.serving_log import FeaturesDigest


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
