"""Why an item stands where it stands, in words: what found it, and what speaks most for it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from predictor import Explanation, Finding

__all__ = ["Phrase", "Phrasebook"]

_MOST: Final = 3


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words for some model columns that mean the same to a person.

    Attributes:
        columns: Their contributions are added up.
        words: Makes the words from the values of all columns; empty words say that there is nothing to say.
    """

    columns: tuple[str, ...]
    words: Callable[[Mapping[str, float]], str]


@dataclass(frozen=True, slots=True)
class Phrasebook:
    """How a world speaks of its model.

    Attributes:
        branches: Words for each recall branch.
        phrases: Words for model columns; a column in none of them is called by its name.
    """

    branches: Mapping[str, str]
    phrases: Sequence[Phrase]

    def reasons(self, told: Explanation) -> list[str]:
        """Return one line an item: the branches that found it, then its strongest positive contributions."""
        lines = []
        for item in range(len(told.ids)):
            values = dict(zip(told.columns, told.features[item].tolist(), strict=True))
            added = dict(zip(told.columns, told.contributions[item].tolist(), strict=True))
            lines.append("; ".join(filter(None, [self._found(told.found_by[item]), self._for(values, added)])))
        return lines

    def _found(self, findings: Sequence[Finding]) -> str:
        return ", ".join(f"{self.branches.get(f.branch, f.branch)} (#{f.rank})" for f in findings)

    def _for(self, values: Mapping[str, float], added: Mapping[str, float]) -> str:
        named = {name for phrase in self.phrases for name in phrase.columns}
        phrases = [*self.phrases, *(Phrase((name,), _plain(name)) for name in added if name not in named)]
        weighed = [(sum(added.get(name, 0.0) for name in phrase.columns), phrase) for phrase in phrases]
        best = sorted((pair for pair in weighed if pair[0] > 0), key=lambda pair: -pair[0])
        words = (_spoken(phrase, values) for _, phrase in best)
        return ", ".join([text for text in words if text][:_MOST])


def _plain(name: str) -> Callable[[Mapping[str, float]], str]:
    return lambda values: "" if math.isnan(values[name]) else f"{name} {values[name]:.3g}"


def _spoken(phrase: Phrase, values: Mapping[str, float]) -> str:
    """Return the words of a phrase; nothing when the model has no such column or its value is missing."""
    first = values.get(phrase.columns[0], math.nan)
    return "" if math.isnan(first) else phrase.words(values)
