"""The kernel that decides all layers gives what the xxhash library gives, for any unit and from any thread."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from xxhash import xxh3_64_intdigest

from searchrank.experiments import BUCKETS, bucket, place
from searchrank.experiments.kernels.choosing import digest
from searchrank.experiments.kernels.hashing import LONGEST, SECRET
from searchrank.experiments.places import Places, Table
from searchrank.native import address, compiled

EXPERIMENTS = (("first", 3), ("second", 100))


def tables() -> list[Table]:
    """Three layers of 103 places each; the first experiment has buckets 0 to 2,999, the second 3,000 to 5,999."""
    buckets = bytes([1] * 3_000 + [2] * 3_000 + [0] * 4_000)
    found = []
    for number, salt in enumerate(("page", "s", "a-long-salt-that-somebody-thought-of")):
        firsts = (103 * number, 103 * number + 3)
        told = [(f"{salt}.{name}.".encode(), n, f) for (name, n), f in zip(EXPERIMENTS, firsts, strict=True)]
        found.append(Table(f"{salt}.".encode(), buckets, tuple(told)))
    return found


def expected(unit: str) -> list[int]:
    found = []
    for number, table in enumerate(tables()):
        salt = table.prefix.decode()[:-1]
        which = bucket(salt, unit) // 3_000
        if which < 2:
            name, places = EXPERIMENTS[which]
            found.append(103 * number + 3 * which + place(salt, name, unit, places))
    return found


def test_the_hash_of_any_length_is_that_of_the_library():
    secret, out = np.frombuffer(SECRET, np.uint8), np.zeros(1, np.uint64)
    rng = np.random.default_rng(0)
    run = compiled(digest)
    for length in range(1, LONGEST + 1):
        for content in (rng.integers(0, 256, length, dtype=np.uint8), np.full(length, 255, np.uint8)):
            run(address(content), length, address(secret), address(out))
            assert int(out[0]) == xxh3_64_intdigest(content.tobytes()), length


def test_a_unit_has_the_places_of_its_hashes():
    places = Places(tables())
    for k in range(3_000):
        assert places.of(f"user-{k}".encode()) == expected(f"user-{k}")
    for unit in ("u", "用户", "café"):
        assert places.of(unit.encode()) == expected(unit)


@pytest.mark.parametrize("length", [0, 1, 128, 150, 200, 240, 241, 5_000])
def test_units_of_any_length_have_places(length):
    places = Places(tables())
    for letter in "abcdefgh":
        assert places.of(letter.encode() * length) == expected(letter * length)


def test_without_layers_there_are_no_places():
    assert Places([]).of(b"u1") == []


def test_several_threads_do_not_disturb_each_other():
    places = Places(tables())
    units = [f"user-{k}" for k in range(2_000)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: [places.of(unit.encode()) for unit in units], range(4)))
    assert found == [[expected(unit) for unit in units]] * 4


def test_there_are_ten_thousand_buckets():
    assert BUCKETS == 10_000
