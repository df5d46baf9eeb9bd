"""A text as the word branch sees it: cut into words, stemmed, Chinese segmented; the same for texts and queries.

The cutting is that of the feature language unless a project asks for more.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, get_args

import tantivy

from searchrank.errors import ConfigError
from searchrank.features.text import ANALYSER_REVISION, is_han, runs, tokenize

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LANGUAGES", "Analyser", "Language", "Word"]

Language = Literal[
    "",
    "arabic",
    "danish",
    "dutch",
    "english",
    "finnish",
    "french",
    "german",
    "greek",
    "hungarian",
    "italian",
    "norwegian",
    "portuguese",
    "romanian",
    "russian",
    "spanish",
    "swedish",
    "tamil",
    "turkish",
]
LANGUAGES: Final[tuple[str, ...]] = get_args(Language)
REVISION: Final = 1
"""Changes whenever the same settings and libraries would give other words."""
_PROBE: Final = (
    "Generalisations of the relational ponies were running happily; naïve cafés' owners hoped, "
    "les continuellement grandes maisons, die Häuser aufeinander, los corredores rápidos, бегущие люди. "
    "我来到北京清华大学吃火锅店的麻辣火锅小明硕士毕业于中国科学院计算所。"
)


class Word(NamedTuple):
    """One word of a text.

    Attributes:
        token: What is looked up.
        written: What stood there, case folded.
    """

    token: str
    written: str


class Analyser:
    """Cuts texts into words. May be used from several threads."""

    def __init__(self, stem: Language = "", *, segment: bool = False) -> None:
        """Make an analyser.

        Args:
            stem: Language whose endings are taken off; empty: none.
            segment: Whether runs of Chinese are cut into words by a dictionary, and not into overlapping pairs.

        Raises:
            ConfigError: When Chinese is to be segmented and the library for it is not installed.
        """
        self._stem = _stemmer(stem) if stem else None
        self._segment = _segmenter() if segment else None
        self._settings = {"stem": stem, "segment": segment}

    @property
    def fingerprint(self) -> str:
        """What tells this analyser from one that may cut otherwise: settings, revisions, and the words of a sample."""
        library = importlib.metadata.version("rjieba") if self._segment else ""
        parts = [ANALYSER_REVISION, REVISION, library, self._settings, self.tokens(_PROBE)]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]

    def tokens(self, text: str) -> list[str]:
        """Return the words of a text as they are looked up, in order.

        Example:
            >>> Analyser("english").tokens("Noodles & running 火锅店")
            ['noodl', 'run', '火锅', '锅店']
        """
        written = self._written(text)
        return self._stem(" ".join(written)) if self._stem else written

    def words(self, text: str) -> list[Word]:
        """Return the same words with what stood there."""
        written = self._written(text)
        tokens = self._stem(" ".join(written)) if self._stem else written
        return list(map(Word, tokens, written))

    def _written(self, text: str) -> list[str]:
        if self._segment is None:
            return tokenize(text)
        words: list[str] = []
        for run in runs(text):
            words.extend(self._segment(run) if is_han(run) else tokenize(run))
        return words


def _stemmer(language: Language) -> Callable[[str], list[str]]:
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace())
    analyze: Callable[[str], list[str]] = builder.filter(tantivy.Filter.stemmer(language)).build().analyze
    return analyze


def _segmenter() -> Callable[[str], list[str]]:
    try:
        import rjieba  # noqa: PLC0415 - an extra
    except ImportError:
        raise ConfigError(
            "segmenting Chinese needs a library; run 'pip install searchrank[chinese]'", field="recall.lexical.segment"
        ) from None
    cut: Callable[[str], list[str]] = rjieba.cut_for_search
    return cut
