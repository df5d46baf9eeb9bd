"""Reasons name the branches and the strongest positive contributions, in words, and never what is missing."""

from types import SimpleNamespace

import numpy as np

from examples.demo.phrases import CITY, MOVIES
from examples.demo.reasons import Phrase, Phrasebook
from predictor import Finding

BOOK = Phrasebook(
    branches={"lexical": "your words"},
    phrases=(
        Phrase(("near", "near_log"), lambda v: f"{v['near']:.0f} km away"),
        Phrase(("open",), lambda v: "open now" if v["open"] else ""),
    ),
)


def told(columns, features, contributions, found_by=()):
    """Return the parts of an ``Explanation`` of one item that reasons are made of."""
    return SimpleNamespace(
        ids=["a"],
        columns=tuple(columns),
        features=np.array([features], np.float32),
        contributions=np.array([contributions]),
        found_by=(tuple(found_by),),
    )


def test_branches_come_first_then_the_strongest_contributions():
    found = [Finding("lexical", 3, 1.0), Finding("popular", 7, 2.0)]
    answer = told(["near", "open", "stars"], [2.0, 1.0, 4.5], [0.1, 0.3, 0.2], found)
    assert BOOK.reasons(answer) == ["your words (#3), popular (#7); open now, stars 4.5, 2 km away"]


def test_columns_that_mean_the_same_are_weighed_together():
    answer = told(["near", "near_log", "stars"], [2.0, 0.7, 4.5], [0.15, 0.15, 0.2])
    assert BOOK.reasons(answer) == ["2 km away, stars 4.5"]


def test_what_speaks_against_an_item_or_is_missing_is_no_reason():
    answer = told(["near", "open", "stars"], [2.0, 0.0, np.nan], [-0.1, 0.3, 0.2])
    assert BOOK.reasons(answer) == [""]


def test_at_most_three_are_named():
    answer = told([*"abcde"], [1, 2, 3, 4, 5], [0.5, 0.4, 0.3, 0.2, 0.1])
    assert BOOK.reasons(answer) == ["a 1, b 2, c 3"]


def test_every_phrase_of_the_worlds_can_be_spoken():
    for book in (CITY, MOVIES):
        values = {name: 1.0 for phrase in book.phrases for name in phrase.columns}
        for phrase in book.phrases:
            assert isinstance(phrase.words(values), str)
            answer = told(list(values), list(values.values()), [float(n in phrase.columns) for n in values])
            assert BOOK.reasons(answer) is not None
            assert book.reasons(answer) == [phrase.words(values)]
