"""Everything people of the city type: a fixed vocabulary, each entry with the words it holds as numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from examples.city.words import ADJECTIVES, CATEGORIES, GROUPS, THINGS, VAGUE

if TYPE_CHECKING:
    from examples.city.size import Bools, Ints

__all__ = ["Queries", "choose_queries", "make_queries"]

_C: Final = len(CATEGORIES)
_TYPO: Final = 3 * _C
_VAGUE: Final = _TYPO + 2 * _C
_NAMED: Final = _VAGUE + len(GROUPS) * len(VAGUE[0])
_TITLE: Final = _NAMED + len(THINGS) * _C
_COUNT: Final = _TITLE + len(ADJECTIVES) * len(THINGS)

_SHARES: Final = (0.26, 0.08, 0.14, 0.10, 0.17, 0.15, 0.10)
"""How often: category, category near me, category in Chinese, misspelt, vague, thing and category, name."""


@dataclass(frozen=True, slots=True)
class Queries:
    """The vocabulary as columns of shape ``(queries,)``; -1 where a query has no such word.

    Attributes:
        texts: As typed, an Arrow string array.
        category: Index in ``CATEGORIES``, also of a misspelt one.
        thing: Index in ``THINGS``.
        adjective: Index in ``ADJECTIVES``.
        group: Index in ``GROUPS`` of a vague one.
        misspelt: Whether the category's word is written wrongly.
    """

    texts: pa.Array
    category: Ints
    thing: Ints
    adjective: Ints
    group: Ints
    misspelt: Bools


def make_queries() -> Queries:
    """Return the vocabulary; it is the same for every city."""
    texts = [c.name for c in CATEGORIES]
    texts += [f"{c.name} near me" for c in CATEGORIES]
    texts += [c.chinese for c in CATEGORIES]
    texts += [typo for c in CATEGORIES for typo in _typos(c.name)]
    texts += [text for group in VAGUE for text in group]
    texts += [f"{thing.lower()} {c.name}" for thing, _ in THINGS for c in CATEGORIES]
    texts += [f"{adjective.lower()} {thing.lower()}" for adjective, _ in ADJECTIVES for thing, _ in THINGS]
    number = np.arange(_COUNT)
    category = np.where(number < _TYPO, number % _C, -1)
    category = np.where((number >= _TYPO) & (number < _VAGUE), (number - _TYPO) // 2, category)
    category = np.where((number >= _NAMED) & (number < _TITLE), (number - _NAMED) % _C, category)
    thing = np.where((number >= _NAMED) & (number < _TITLE), (number - _NAMED) // _C, -1)
    thing = np.where(number >= _TITLE, (number - _TITLE) % len(THINGS), thing)
    vague = (number >= _VAGUE) & (number < _NAMED)
    return Queries(
        texts=pa.array(texts),
        category=category,
        thing=thing,
        adjective=np.where(number >= _TITLE, (number - _TITLE) // len(THINGS), -1),
        group=np.where(vague, (number - _VAGUE) // len(VAGUE[0]), -1),
        misspelt=(number >= _TYPO) & (number < _VAGUE),
    )


def _typos(word: str) -> tuple[str, str]:
    middle = len(word) // 2
    return word[:middle] + word[middle + 1 :], word[0] + word[2] + word[1] + word[3:]


def choose_queries(rng: np.random.Generator, intent: Ints, named: tuple[Ints, Ints]) -> Ints:
    """Return what people type, as rows of the vocabulary.

    Args:
        rng: Source of chance.
        intent: The category each person wants, shape ``(n,)``.
        named: Adjective and thing in the name of a place each person has in mind, shapes ``(n,)``.
    """
    adjective, thing = named
    n = len(intent)
    group = np.array([c.group for c in CATEGORIES])[intent]
    forms = (
        intent,
        _C + intent,
        2 * _C + intent,
        _TYPO + 2 * intent + rng.integers(0, 2, n),
        _VAGUE + group * len(VAGUE[0]) + rng.integers(0, len(VAGUE[0]), n),
        _NAMED + thing * _C + intent,
        _TITLE + adjective * len(THINGS) + thing,
    )
    return np.choose(rng.choice(len(_SHARES), n, p=_SHARES), forms)
