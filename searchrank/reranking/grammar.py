"""From the text of a rule to the rule; every mistake is pointed at.

::

    rule  = pin "ID" at PLACE [when CONDITION]
          | bury when CONDITION
          | at most COUNT of [first] PLACES [by CATEGORY] [when CONDITION]
          | space CATEGORY by PLACES [when CONDITION]

CONDITION and CATEGORY are expressions of the feature language, in which ``when`` and ``by`` are no names.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from searchrank.errors import DefinitionError
from searchrank.features import Expression, Kind
from searchrank.features.language import nearest
from searchrank.reranking.rule import Bury, Pin, Quota, Rule

if TYPE_CHECKING:
    from searchrank.features import FeatureSet

__all__ = ["MAX_CHARACTERS", "MAX_PLACE", "MAX_WINDOW", "parse_rule", "to_category", "to_condition"]

MAX_CHARACTERS: Final = 2_048
MAX_PLACE: Final = 1_000
MAX_WINDOW: Final = 100
MAX_ID_BYTES: Final = 128
_TOKEN: Final = re.compile(r"""\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\W\d][\w.]*|[\d.]+|\S)""")
_CLAUSES: Final = ("by", "when")
_FORMS: Final = (
    'pin "ID" at PLACE [when CONDITION]',
    "bury when CONDITION",
    "at most COUNT of [first] PLACES [by CATEGORY] [when CONDITION]",
    "space CATEGORY by PLACES [when CONDITION]",
)


class Token(NamedTuple):
    """A word of a rule; the last one is empty.

    Attributes:
        text: As written.
        begin: Where it begins.
    """

    text: str
    begin: int


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a rule is written, so that a refusal can point at it."""

    source: str
    text: str

    def error(self, at: int, message: str, hint: str = "") -> DefinitionError:
        left = max(0, at - 60)
        shown = self.text[left : left + 120]
        caret = f"{message}\n    {shown}\n    {' ' * (at - left)}^" + (f"\n  {hint}" if hint else "")
        return DefinitionError(caret, source=self.source, line=1, column=at + 1)


def parse_rule(text: str, feature_set: FeatureSet, *, source: str) -> Rule:
    """Read one rule.

    Args:
        text: As written; line ends are spaces.
        feature_set: What names in its expressions mean.
        source: What an error calls the text.

    Raises:
        DefinitionError: When it is no rule; points at what is wrong.
    """
    whole = _Place(source, " ".join(text.splitlines()))
    if len(whole.text) > MAX_CHARACTERS:
        raise whole.error(0, f"a rule has at most {MAX_CHARACTERS:,} characters, this one has {len(whole.text):,}")
    reader = _Reader(whole, feature_set)
    word = reader.take()
    forms: dict[str, Callable[[], Rule]] = {
        "pin": reader.pin,
        "bury": reader.bury,
        "at": reader.at_most,
        "space": reader.space,
    }
    if word.text not in forms:
        hint = nearest(word.text, forms) or f"rules are: {'; '.join(_FORMS)}"
        raise whole.error(word.begin, f"{word.text!r:.60} begins no rule" if word.text else "the rule is empty", hint)
    return reader.whole(forms[word.text])


class _Reader:
    def __init__(self, place: _Place, feature_set: FeatureSet) -> None:
        self._place = place
        self._feature_set = feature_set
        self._tokens = [*_tokens(place.text), Token("", len(place.text.rstrip()))]
        self._at = 0

    def take(self) -> Token:
        token = self._tokens[self._at]
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def whole(self, form: Callable[[], Rule]) -> Rule:
        rule = form()
        if self._next.text:
            raise self._place.error(self._next.begin, f"{self._next.text!r:.60} is not expected here")
        return rule

    def pin(self) -> Pin:
        token = self.take()
        if token.text[:1] not in {'"', "'"} or len(token.text) < 2:
            raise self._place.error(token.begin, "an item's id in quotes is expected here", _FORMS[0])
        try:
            item = str(ast.literal_eval(token.text))
        except (SyntaxError, ValueError):
            raise self._place.error(token.begin, "this is not a text in quotes") from None
        if not 0 < len(item.encode("utf-8", "surrogatepass")) <= MAX_ID_BYTES:
            raise self._place.error(token.begin, f"an id has 1 to {MAX_ID_BYTES} bytes")
        self._word("at", _FORMS[0])
        place = self._number(1, MAX_PLACE, _FORMS[0])
        return Pin(item, place, self._condition())

    def bury(self) -> Bury:
        at = self._next.begin
        condition = self._condition()
        if condition is None:
            raise self._place.error(at, "'when' is expected here", _FORMS[1])
        return Bury(condition)

    def at_most(self) -> Quota:
        self._word("most", _FORMS[2])
        count = self._next
        most = self._number(0, MAX_WINDOW - 1, _FORMS[2])
        self._word("of", _FORMS[2])
        first = self._next.text == "first"
        if first:
            self.take()
        window = self._number(1, MAX_WINDOW, _FORMS[2])
        if most >= window:
            raise self._place.error(count.begin, f"{most} of {window} places forbids nothing")
        if most == 0 and not first:
            raise self._place.error(count.begin, "an item has to stand somewhere", "write 'bury when …', or 'of first'")
        by = self._category() if self._next.text == "by" and self.take() else None
        at, when = self._next.begin, self._condition()
        if by is None and when is None:
            raise self._place.error(at, "'by' or 'when' is expected here: which items are counted?", _FORMS[2])
        return Quota(most, window, first, by, when)

    def space(self) -> Quota:
        by = self._category()
        self._word("by", _FORMS[3])
        window = self._number(2, MAX_WINDOW, _FORMS[3])
        return Quota(1, window, False, by, self._condition())

    def _word(self, word: str, form: str) -> None:
        token = self.take()
        if token.text != word:
            raise self._place.error(token.begin, f"{word!r} is expected here", form)

    def _number(self, least: int, most: int, form: str) -> int:
        token = self.take()
        if not token.text.isdecimal():
            raise self._place.error(token.begin, "a whole number is expected here", form)
        if len(token.text) > 9 or not least <= int(token.text) <= most:
            raise self._place.error(token.begin, f"a number from {least} to {most:,} is expected here", form)
        return int(token.text)

    def _condition(self) -> Expression | None:
        if self._next.text != "when":
            return None
        self.take()
        return self._expression(to_condition)

    def _category(self) -> Expression:
        return self._expression(to_category)

    def _expression(self, problem: Callable[[Expression], str]) -> Expression:
        begin = self._next.begin
        while self._next.text and self._next.text not in _CLAUSES:
            self.take()
        text = self._place.text[begin : self._next.begin].rstrip()
        if not text:
            raise self._place.error(begin, "an expression is expected here")
        found = Expression.parse(text, self._feature_set, source=self._place.source, column=begin + 1)
        if words := problem(found):
            raise self._place.error(begin, words)
        return found


def _tokens(text: str) -> Iterator[Token]:
    for found in _TOKEN.finditer(text):
        yield Token(found[1], found.start(1))


def to_condition(expression: Expression) -> str:
    """Return why an expression is no condition; empty when it is one."""
    if expression.is_truth:
        return ""
    return f"{expression.text:.60} is a {expression.kind}, not true or false; compare it, as in 'item.price < 50'"


def to_category(expression: Expression) -> str:
    """Return why an expression makes no groups; empty when it does."""
    if expression.kind is Kind.CATEGORY:
        return ""
    return f"{expression.text:.60} is a {expression.kind}; groups are made by a category, such as 'item.category'"
