"""A feature file and a project file to start from, made from what was imported; every line says why it is there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trainer.importing.column import Column, Conversion
from trainer.importing.project_text import project_text
from trainer.importing.seen import Seen, quoted_kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainer.importing.survey import Survey

__all__ = ["suggest_definitions"]

_MOST_TASTES: Final = 2
_SKEWED: Final = 8.0
_SAMPLE: Final = 50_000
_COMMON: Final = 0.2


@dataclass(slots=True)
class _Sheet:
    """The lines of a feature file while it grows.

    Attributes:
        inputs: Name → (declaration, why).
        features: Name → (expression, why).
        chosen: Features that a model may read.
        rising: Those of which more is never worse, and which are known of people without a list that was logged.
    """

    inputs: dict[str, tuple[str, str]] = field(default_factory=dict)
    features: dict[str, tuple[str, str]] = field(default_factory=dict)
    chosen: list[str] = field(default_factory=list)
    rising: list[str] = field(default_factory=list)

    def feature(self, name: str, expression: str, why: str, *, rising: bool = False) -> None:
        """Add a feature that a model may read."""
        free = name if name not in self.features else f"{name}_{len(self.features)}"
        self.features[free] = (expression, why)
        self.chosen.append(free)
        if rising:
            self.rising.append(free)


def suggest_definitions(read: Survey) -> dict[str, str]:
    """Return a feature file and a project file to start from, by file name."""
    seen = Seen.of(read)
    sheet = _Sheet()
    _declare_columns(seen, sheet)
    _declare_request(seen, sheet)
    _item_features(seen, sheet)
    _event_features(seen, sheet)
    _user_features(seen, sheet)
    _recall_features(seen, sheet)
    return {
        "features.yaml": _feature_text(sheet),
        "project.yaml": project_text(seen, chosen=sheet.chosen, rising=sheet.rising),
    }


def _declare_columns(seen: Seen, sheet: _Sheet) -> None:
    sent = [(column, None) for column in seen.sent]
    for column, table in [*((c, seen.table) for c in seen.items), *((c, seen.profiles) for c in seen.users), *sent]:
        sheet.inputs[column.target] = (_declaration(column, table), f"from {column.source or 'a constant'}")


def _declaration(column: Column, table: pa.Table | None) -> str:
    values = None if table is None else table.column(column.target)
    kind = column.conversion
    if values is not None and kind is Conversion.LIST:
        return f"{{type: list, limit: {max(int(pc.max(pc.list_value_length(values)).as_py() or 1), 8)}}}"
    if values is not None and kind is Conversion.VECTOR:
        return f"{{type: vector, size: {values.type.list_size}}}"
    if values is not None and kind is Conversion.TEXT and (longest := _longest(values)) > 32:
        return f"{{type: tokens, limit: {min(longest, 256)}}}"
    return f"{{type: {kind.types[0]}}}"


def _longest(texts: pa.ChunkedArray) -> int:
    """Return the number of words of the longest text, about."""
    return int(pc.max(pc.count_substring(texts.slice(0, _SAMPLE), " ")).as_py() or 0) + 1


def _declare_request(seen: Seen, sheet: _Sheet) -> None:
    sheet.inputs["request.query"] = ("{type: tokens}", "the words that were typed")
    sheet.inputs["request.time"] = ("{type: time}", "when it was asked")
    for point in seen.of_type(Conversion.POINT)[:1]:
        sheet.inputs["request.location"] = ("{type: point}", "where the person is; the caller sends it")
        sheet.feature("distance_km", f"haversine_km(request.location, {point})", "how far it is from the person")


def _item_features(seen: Seen, sheet: _Sheet) -> None:
    for name in seen.of_type(Conversion.TEXT):
        noun = name.partition(".")[2]
        sheet.feature(f"{noun}_match", f"token_overlap(request.query, {name})", f"share of the typed words in {noun}")
    for name in seen.of_type(Conversion.NUMBER):
        noun = name.partition(".")[2]
        if _is_skewed(seen.table.column(name)):
            sheet.feature(f"{noun}_log", f"log1p({name})", f"a few items have a much larger {noun} than most")
        else:
            sheet.feature(noun, name, "as it is")
    for name in seen.of_type(Conversion.TIME)[:1]:
        sheet.feature("age_in_days", f"age_days(request.time, {name})", "how new it is")


def _is_skewed(column: pa.ChunkedArray) -> bool:
    values = column.drop_null().to_numpy()
    if not len(values) or values.min() < 0:
        return False
    return bool(values.max() > _SKEWED * max(float(np.median(values)), 1.0))


def _event_features(seen: Seen, sheet: _Sheet) -> None:
    for kind in seen.kinds:
        noun = _noun(kind)
        sheet.inputs[f"item.{noun}_count"] = (f"{{type: signal, count: {quoted_kind(kind)}}}", f"how often: {kind}")
        sheet.feature(f"{noun}_log", f"log1p(item.{noun}_count)", "how often it was chosen", rising=True)
    for kind, mean in seen.valued.items():
        noun = _noun(kind)
        declared = f"{{type: signal, mean: {quoted_kind(kind)}, prior: {mean:.4g}, strength: 5}}"
        sheet.inputs[f"item.{noun}_mean"] = (declared, f"mean value of {kind}, drawn to that of all")
        sheet.feature(f"{noun}_mean", f"item.{noun}_mean", "how it was judged", rising=True)
    if seen.shown and seen.kinds:
        kind = max(seen.wanted, key=lambda name: -seen.wanted[name])
        declared = f"{{type: signal, rate: {quoted_kind(kind)}, over: impression, prior: 0.05, strength: 20}}"
        sheet.inputs["item.rate"] = (declared, f"share of impressions with a {kind}")
        sheet.feature("rate", "item.rate", "how often it is chosen when it is shown")


def _user_features(seen: Seen, sheet: _Sheet) -> None:
    if seen.kinds:
        kind = next(iter(seen.wanted))
        sheet.inputs["user.recent_items"] = (
            f"{{type: list, of: item_id, limit: 50, last: {quoted_kind(kind)}}}",
            f"what the person dealt with lately ({kind}); recall asks for its neighbours",
        )
        sheet.inputs["user.wanted"] = (
            f"{{type: signal, count: {quoted_kind(kind)}}}",
            f"how often the person did: {kind}",
        )
        for name in _tastes(seen):
            noun = name.partition(".")[2]
            declared = f"{{type: map, limit: 64, count: {quoted_kind(kind)}, by: {name}, missing: empty}}"
            sheet.inputs[f"user.{noun}_taste"] = (declared, f"the person's {kind}s of each {noun}")
            expression = f"coalesce(lookup(user.{noun}_taste, {name}), 0) / (user.wanted + 5)"
            sheet.feature(f"{noun}_taste", expression, f"how much the person goes for this {noun}", rising=True)
    for mine, theirs in _pairs(seen):
        nouns = mine.partition(".")[2], theirs.partition(".")[2]
        is_list = any(c.target == theirs and c.conversion is Conversion.LIST for c in seen.items)
        expression = f"token_overlap({theirs}, {mine})" if is_list else f"contains({mine}, {theirs})"
        sheet.feature(
            f"liked_{nouns[1]}", expression, f"whether its {nouns[1]} are among the person's {nouns[0]}", rising=True
        )


def _tastes(seen: Seen) -> list[str]:
    """Return item categories by which a person's taste may be counted: neither all alike nor all different."""
    fitting = []
    for name in seen.of_type(Conversion.CATEGORY):
        column = seen.table.column(name)
        count = int(pc.count_distinct(column).as_py())
        if 2 <= count <= max(20, len(column) // 10):
            fitting.append((-count, name))
    return [name for _, name in sorted(fitting)[:_MOST_TASTES]]


def _pairs(seen: Seen) -> Iterator[tuple[str, str]]:
    """Yield lists of users and columns of items that hold the same words."""
    if seen.profiles is None:
        return
    worded = [c for c in seen.items if c.conversion in {Conversion.LIST, Conversion.CATEGORY}]
    for mine in (c.target for c in seen.users if c.conversion is Conversion.LIST):
        words = _words(seen.profiles.column(mine))
        for theirs in (c.target for c in worded):
            others = _words(seen.table.column(theirs))
            if others and len(words & others) >= _COMMON * min(len(words), len(others)):
                yield mine, theirs


def _words(column: pa.ChunkedArray) -> set[str]:
    part = column.slice(0, _SAMPLE)
    return set(pc.unique(pc.list_flatten(part) if pa.types.is_list(part.type) else part.drop_null()).to_pylist())


def _recall_features(seen: Seen, sheet: _Sheet) -> None:
    if seen.shown:
        return  # a model that reads them learns from what was logged of them, and these lists were shown by others
    sheet.inputs["recall.score"] = ("{type: float}", "how early the recall branches found it, together")
    sheet.feature("found", "recall.score", "the order in which recall alone would show things", rising=True)
    if seen.kinds:
        sheet.inputs["recall.item_to_item_score"] = ("{type: float}", "how near it is to what the person dealt with")
        sheet.feature(
            "neighbours", "coalesce(recall.item_to_item_score, 0)", "people who chose the same chose this", rising=True
        )


def _noun(kind: str) -> str:
    """Return a kind of event as part of a name."""
    plain = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in kind.lower()).strip("_")
    return plain if plain[:1].isalpha() else f"kind_{plain}"


def _feature_text(sheet: _Sheet) -> str:
    """Return the feature file."""
    lines = [
        "# Suggested from the imported data: a beginning, to be read and changed.",
        "# An input is a raw column or a statistic that is counted from the events, as known when a request is made.",
        "inputs:",
        *_lines(sheet.inputs),
        "",
        "# What the model may read. The expressions are those of docs/guide/features.md.",
        "features:",
        *_lines(sheet.features),
    ]
    return "\n".join(lines) + "\n"


def _lines(entries: dict[str, tuple[str, str]]) -> list[str]:
    width = max((len(name) for name in entries), default=0) + 1
    return [f"  {name + ':':<{width}} {text}  # {why}" for name, (text, why) in entries.items()]
