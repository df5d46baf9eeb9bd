"""What the words of a query ask for, and the tantivy query that finds it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

import tantivy

from searchrank.features.text import is_ideographic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from recall.lexical.analysis import Analyser, Word
    from recall.lexical.config import LexicalConfig
    from recall.lexical.wording import Run, Wording

__all__ = ["MAX_CHARACTERS", "MAX_TOKENS", "Reader", "Unit", "Writer"]

MAX_TOKENS: Final = 64
"""Distinct units of a query that are looked up; the first ones count."""
MAX_CHARACTERS: Final = 2_048
"""Characters of a query that are looked at."""
_QUOTED: Final = re.compile(r'"([^"]*)"')
_MISSPELT: Final = ((8, (1, 2)), (4, (1,)))  # from so many characters on: the edits that are tried, in turn
_LEAST_PREFIX: Final = 2
_LONGEST: Final = 64  # characters of a word whose neighbours are looked for
_Clause = tuple[tantivy.Occur, tantivy.Query]


@dataclass(frozen=True, slots=True)
class Unit:
    """One thing a query asks for.

    Attributes:
        run: Its tokens, which must stand one after the other.
        written: What was typed for it, case folded.
        boosts: The fields that are searched, with their boosts.
        synonyms: Runs that do as well.
        required: Whether nothing is found without it.
        last: Whether it may be the beginning of a word that is being typed.
    """

    run: Run
    written: str
    boosts: Mapping[str, float]
    synonyms: tuple[Run, ...] = ()
    required: bool = False
    last: bool = False


class Reader:
    """Reads what a query asks for."""

    def __init__(self, config: LexicalConfig, analyser: Analyser, wording: Wording) -> None:
        self._boosts = config.boosts
        self._only = {field: {field: boost} for field, boost in config.boosts.items()}
        self._config = config
        self._analyser = analyser
        self._wording = wording

    def read(self, text: str) -> list[Unit]:
        """Return what a text asks for, each once, in order."""
        text = text[:MAX_CHARACTERS]
        found: dict[tuple[Run, bool], Unit] = {}
        for part, quoted in self._parts(text):
            words = self._analyser.words(part)
            for unit in self._phrase(words) if quoted else self._units(words):
                found.setdefault((unit.run, unit.required), unit)
                if len(found) == MAX_TOKENS:
                    return list(found.values())
        units = list(found.values())
        if self._config.prefix and units and text[-1:].isalnum() and len(units[-1].run) == 1:
            end = units[-1]
            units[-1] = Unit(end.run, end.written, end.boosts, end.synonyms, end.required, last=True)
        return units

    def _parts(self, text: str) -> Iterator[tuple[str, bool]]:
        """Return what stands in quotes and what does not."""
        end = 0
        for match in _QUOTED.finditer(text) if self._config.phrases else ():
            yield text[end : match.start()], False
            yield match[1], True
            end = match.end()
        yield text[end:], False

    def _phrase(self, words: list[Word]) -> list[Unit]:
        words = words[:MAX_TOKENS]
        run = tuple(word.token for word in words)
        return [Unit(run, " ".join(word.written for word in words), self._boosts, required=True)] if run else []

    def _units(self, words: list[Word]) -> Iterator[Unit]:
        at = 0
        while at < len(words):
            unit = self._known(words, at) or Unit((words[at].token,), words[at].written, self._boosts)
            yield from self._split(words[at : at + len(unit.run)], unit)
            at += len(unit.run)

    def _known(self, words: list[Word], at: int) -> Unit | None:
        """Return the longest run from here on that the lists of words know."""
        wording = self._wording
        for length in range(min(wording.longest, len(words) - at), 0, -1):
            run = tuple(word.token for word in words[at : at + length])
            if run in wording.fields or run in wording.synonyms:
                field = wording.fields.get(run)
                boosts = self._boosts if field is None else self._only[field]
                written = " ".join(word.written for word in words[at : at + length])
                return Unit(run, written, boosts, wording.synonyms.get(run, ()))
        return None

    def _split(self, words: list[Word], unit: Unit) -> Iterator[Unit]:
        """Return a known run as it is; its words count one by one too when no field is named for it."""
        yield unit
        if len(words) > 1 and unit.boosts is self._boosts:
            for word in words:
                yield Unit((word.token,), word.written, self._boosts)


class Writer:
    """Writes the query for an index."""

    def __init__(self, config: LexicalConfig, schema: tantivy.Schema, searcher: tantivy.Searcher) -> None:
        self._config = config
        self._schema = schema
        self._searcher = searcher

    def write(self, units: Sequence[Unit]) -> tantivy.Query:
        """Return a query whose score is BM25 summed over units and boosted fields."""
        clauses: list[_Clause] = []
        for unit in units:
            if unit.required or unit.synonyms:
                every = [self._either(run, unit) for run in (unit.run, *unit.synonyms)]
                occur = tantivy.Occur.Must if unit.required else tantivy.Occur.Should
                clauses.append((occur, tantivy.Query.disjunction_max_query(every) if unit.synonyms else every[0]))
            else:
                clauses += self._anywhere(unit.run, unit.boosts)
                clauses += self._nearly(unit)
        return tantivy.Query.boolean_query(clauses)

    def rarity(self, holding: int) -> float:
        """Return the weight that BM25 gives a word that so many documents hold."""
        documents = self._searcher.num_docs
        return math.log1p((documents - holding + 0.5) / (holding + 0.5))

    def holding(self, field: str, token: str) -> int:
        """Return how many documents hold a word in a field."""
        count: int = self._searcher.doc_freq(field, token)
        return count

    def _either(self, run: Run, unit: Unit) -> tantivy.Query:
        return tantivy.Query.boolean_query(self._anywhere(run, unit.boosts))

    def _anywhere(self, run: Run, boosts: Mapping[str, float]) -> list[_Clause]:
        clauses: list[_Clause] = []
        for field, boost in boosts.items():
            if len(run) == 1:
                found = tantivy.Query.term_query(self._schema, field, run[0], index_option="freq")
            else:
                found = tantivy.Query.phrase_query(self._schema, field, list(run))
            clauses.append((tantivy.Occur.Should, tantivy.Query.boost_query(found, boost)))
        return clauses

    def _nearly(self, unit: Unit) -> list[_Clause]:
        """Return what else a word may have been meant to be: one that it begins, or one that it misspells."""
        if len(unit.run) > 1 or len(unit.written) > _LONGEST:
            return []
        clauses: list[_Clause] = []
        if unit.last and len(unit.written) >= _LEAST_PREFIX:
            clauses = self._as_one(unit, partial(self._beginning, unit.written))
        if not clauses and self._config.fuzzy and self._is_unknown(unit):
            for edits in _edits(unit.run[0]):
                clauses = clauses or self._as_one(unit, partial(self._near, unit.run[0], edits))
        return clauses

    def _beginning(self, start: str, field: str) -> tantivy.Query:
        return tantivy.Query.regex_query(self._schema, field, f"{start}.*")

    def _near(self, token: str, edits: int, field: str) -> tantivy.Query:
        return tantivy.Query.fuzzy_term_query(self._schema, field, token, edits)

    def _is_unknown(self, unit: Unit) -> bool:
        return not any(self.holding(field, unit.run[0]) for field in unit.boosts)

    def _as_one(self, unit: Unit, find: Callable[[str], tantivy.Query]) -> list[_Clause]:
        """Return words as if they were one word: as rare as all of them together, once in a text of mean length."""
        clauses: list[_Clause] = []
        for field, boost in unit.boosts.items():
            found = find(field)
            if holding := self._searcher.search(found, limit=1, count=True).count:
                weighed = tantivy.Query.const_score_query(found, boost * self.rarity(holding))
                clauses.append((tantivy.Occur.Should, weighed))
        return clauses


def _edits(token: str) -> tuple[int, ...]:
    """Return how many edits a misspelt word may be away, nearest first; words of ideographs are not spelt."""
    if is_ideographic(token):
        return ()
    return next((edits for least, edits in _MISSPELT if len(token) >= least), ())
