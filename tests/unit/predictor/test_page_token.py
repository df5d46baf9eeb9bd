import stat
import threading
from dataclasses import replace

import numpy as np
import pytest

from predictor.page_token import MAX_CHARACTERS, PageTokens, Remainder
from searchrank.errors import ConfigError, RequestError
from searchrank.experiments import Assigned

REST = Remainder(
    surface="shop",
    question="00",
    request_id="r1",
    user_id="ü",
    session_id="",
    query='tea "and" 火锅\n\ud800',
    time_us=5,
    release=("taste", 2, "ab"),
    snapshot_id="first",
    offset=7,
    experiments="v1",
    arms=(Assigned("page", "longer", "long", 0.5, overridden=True),),
    candidates=30,
    limit=10,
    expires=1,
    position=10,
    ids=["i1", "a,b", "茶\n\x00"],
    scores=np.array([1 / 3, -0.0, np.nan]),
)
TOKENS = PageTokens(b"k" * 32)


def test_a_token_holds_every_part_to_the_bit():
    read = TOKENS.read(TOKENS.write(REST))
    assert read.scores.tobytes() == REST.scores.tobytes()
    assert replace(read, scores=REST.scores) == REST


def test_a_thousand_items_fit_a_token_of_a_few_kilobytes():
    scores = np.random.default_rng(1).normal(size=1_000)
    token = TOKENS.write(replace(REST, ids=[f"item-{k:06}" for k in range(1_000)], scores=scores))
    assert len(token) < 20_000
    longest = replace(REST, ids=[f"{k:04}" + "茶" * 41 for k in range(1_000)], scores=scores)
    assert len(TOKENS.write(longest)) < MAX_CHARACTERS


@pytest.mark.parametrize("place", [0, 1, 10, 30, 60, -2])
def test_a_changed_character_is_refused(place):
    token = TOKENS.write(REST)
    at = place % len(token)
    changed = token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]
    with pytest.raises(RequestError, match="search again") as caught:
        TOKENS.read(changed)
    assert caught.value.field == "page_token"


@pytest.mark.parametrize(
    "garbage", ["x", "AQ==", "not a token", "é", "\x00", "A" * 1_000, "A" * 10**6, "=" * 100, "AQ" * 3_000]
)
def test_garbage_is_refused(garbage):
    with pytest.raises(RequestError, match="search again"):
        TOKENS.read(garbage)


def test_a_token_of_another_workspace_is_refused():
    with pytest.raises(RequestError, match="not a page token of this service"):
        PageTokens(b"o" * 32).read(TOKENS.write(REST))


def test_the_key_is_made_once_and_is_secret(tmp_path):
    path = tmp_path / "page.key"
    token = PageTokens.open(path).write(REST)
    assert PageTokens.open(path).read(token).ids == REST.ids
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["page.key"]


def test_workers_that_start_together_agree_on_the_key(tmp_path):
    opened: list[PageTokens] = []
    threads = [threading.Thread(target=lambda: opened.append(PageTokens.open(tmp_path / "page.key"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({tokens.write(REST) for tokens in opened}) == 1
    assert len(opened) == len(threads)


def test_a_damaged_key_is_named(tmp_path):
    path = tmp_path / "page.key"
    path.write_bytes(b"short")
    with pytest.raises(ConfigError, match="not a key of 32 bytes"):
        PageTokens.open(path)
    with pytest.raises(ConfigError, match="cannot be read or made"):
        PageTokens.open(tmp_path / "nowhere" / "page.key")
