from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from recall.dense.encoding import CachedEncoder, check_makers
from searchrank.errors import ConfigError, DataError


class Slow:
    """Holds whoever asks until it is let go, and counts."""

    fingerprint = "slow"

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.begun = threading.Event()
        self.go = threading.Event()
        self.error: Exception | None = None

    def encode(self, text: str):
        self.asked.append(text)
        self.begun.set()
        assert self.go.wait(10)
        if self.error is not None:
            raise self.error
        return np.ones(2, np.float32)


def test_those_who_ask_at_once_are_given_one_vector():
    slow = Slow()
    encoder = CachedEncoder(slow)
    with ThreadPoolExecutor(4) as threads:
        first = threads.submit(encoder.encode, "tea")
        assert slow.begun.wait(10)
        others = [threads.submit(encoder.encode, "tea") for _ in range(3)]
        slow.go.set()
        assert all(one.result(10) is first.result(10) for one in others)
    assert slow.asked == ["tea"]


def test_an_error_is_raised_and_the_next_one_asks_again():
    slow = Slow()
    slow.go.set()
    slow.error = DataError("broken")
    encoder = CachedEncoder(slow)
    with pytest.raises(DataError, match="broken"):
        encoder.encode("tea")
    slow.error = None
    assert encoder.encode("tea") is not None
    assert slow.asked == ["tea", "tea"]


def test_vectors_that_nobody_says_the_encoder_of_are_refused():
    with pytest.raises(ConfigError, match="nobody says which encoder"):
        check_makers("", "")
    for pair in (("mini", ""), ("", "mini"), ("mini-1", "mini-2")):
        with pytest.raises(DataError, match="use one encoder for both"):
            check_makers(*pair)
    check_makers("mini", "mini")
