from __future__ import annotations

import pytest

from recall.lexical.analysis import LANGUAGES, Analyser
from searchrank.features import tokenize


def test_words_are_those_of_the_feature_language_unless_more_is_asked_for():
    text = "Hot-pot 火锅店 No_1, cafés running"
    assert Analyser().tokens(text) == tokenize(text)


def test_endings_are_taken_off_and_what_was_written_is_kept():
    assert Analyser("english").tokens("Running ponies, 火锅店") == ["run", "poni", "火锅", "锅店"]
    assert [word.written for word in Analyser("english").words("Running ponies")] == ["running", "ponies"]


def test_chinese_is_cut_into_words_and_other_scripts_stay_pairs():
    analyser = Analyser(segment=True)
    assert {"火锅", "火锅店", "清华大学"} <= set(analyser.tokens("清华大学的火锅店"))
    assert "锅店" not in analyser.tokens("火锅店")
    assert analyser.tokens("ラーメン hot 한국어") == tokenize("ラーメン hot 한국어")


def test_every_analyser_has_a_fingerprint_of_its_own():
    every = [Analyser(stem, segment=segment) for stem in LANGUAGES for segment in (False, True)]
    assert len({analyser.fingerprint for analyser in every}) == len(every)
    assert Analyser("english").fingerprint == Analyser("english").fingerprint


@pytest.mark.parametrize("language", LANGUAGES[1:])
@pytest.mark.parametrize("text", ["", " ", "\x00", "\ud800", "s", "x" * 70_000, "é" * 999, "'s 1 2", "a\u00a0b\u3000c"])
def test_every_word_keeps_its_token(language, text: str):
    analyser = Analyser(language)
    assert len(analyser.words(text)) == len(tokenize(text))
