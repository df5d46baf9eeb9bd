"""Expressions that came with a request, compiled once for each text and kept while they are asked for."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from recall.filtering import Compiled
from searchrank.errors import DefinitionError, RequestError
from searchrank.features import Expression

if TYPE_CHECKING:
    from collections.abc import Callable

    from searchrank.features import FeatureSet

__all__ = ["Compiler"]

MAX_CHARACTERS: Final = 2_048  # half of what a feature may have: this is compiled while others wait
MAX_KEPT: Final = 128  # texts of a surface; the one asked for longest ago goes first


class Compiler:
    """Compiles the texts of one surface's callers; used on the event loop alone."""

    def __init__(self, feature_set: FeatureSet, standing: str = "") -> None:
        """Compile nothing yet.

        Args:
            feature_set: What names mean.
            standing: The surface's own filter, checked; empty: none.
        """
        self._feature_set = feature_set
        self._standing = standing
        self._kept: OrderedDict[str, Compiled] = OrderedDict()

    def compile(self, text: str, field: str, problem: Callable[[Expression], str]) -> Compiled:
        """Return what a text means.

        Args:
            text: As sent.
            field: What a refusal calls it.
            problem: Says why an expression is of no use here; empty when it is.

        Raises:
            RequestError: When it is not an expression of the surface's inputs and features, which it points at, or
                has a problem.
        """
        found = self._kept.get(text)
        expression = found.expression if found else self._parse(text, field)
        if words := problem(expression):
            raise RequestError(words, field=field)
        return self._keep(text, found or Compiled(expression, self._feature_set))

    def joined(self, condition: Compiled | None) -> Compiled | None:
        """Return the surface's own filter and a request's together; None when there is neither.

        Raises:
            RequestError: When they are nested too deep together.
        """
        if not self._standing:
            return condition
        own = condition.expression.text if condition else ""
        text = f"({self._standing}) and ({own})" if own else self._standing
        found = self._kept.get(text)
        return self._keep(text, found or Compiled(self._read(text, "filter"), self._feature_set))

    def _keep(self, text: str, found: Compiled) -> Compiled:
        self._kept[text] = found
        self._kept.move_to_end(text)
        if len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)
        return found

    def _parse(self, text: str, field: str) -> Expression:
        if len(text) > MAX_CHARACTERS:
            what = f"{len(text):,} characters, at most {MAX_CHARACTERS:,} are accepted"
            raise RequestError(what, field=field)
        return self._read(text, field)

    def _read(self, text: str, field: str) -> Expression:
        try:
            return Expression.parse(text, self._feature_set, source="")
        except DefinitionError as error:
            raise RequestError(str(error), field=field) from None
