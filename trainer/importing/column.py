"""One mapped column: where its values come from and by which small conversion."""

from __future__ import annotations

import datetime as dt
import math
import zoneinfo
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import yaml

from searchrank.document import Document
from searchrank.events import CORE
from searchrank.features.language import nearest

if TYPE_CHECKING:
    from searchrank.errors import DefinitionError

__all__ = ["UNITS", "Column", "Conversion", "read_column"]


class Conversion(StrEnum):
    """What a column's values become; the word before the source column."""

    TEXT = "text"
    CATEGORY = "category"
    NUMBER = "number"
    LIST = "list"
    TIME = "time"
    POINT = "point"
    VECTOR = "vector"
    CONST = "const"

    @property
    def types(self) -> tuple[str, ...]:
        """Types of the feature file that take such values."""
        return {
            Conversion.TEXT: ("tokens", "category"),
            Conversion.CATEGORY: ("category", "tokens"),
            Conversion.NUMBER: ("float", "signal"),
            Conversion.LIST: ("list", "tokens"),
        }.get(self, (self.value,))


_OPTIONS: Final[Mapping[Conversion, tuple[str, ...]]] = {
    Conversion.TEXT: ("gather",),
    Conversion.CATEGORY: ("values", "lower"),
    Conversion.NUMBER: ("values", "decimal", "remove", "scale"),
    Conversion.LIST: ("sep", "lower"),
    Conversion.TIME: ("format", "unit", "zone"),
    Conversion.POINT: ("sep",),
    Conversion.VECTOR: ("sep",),
    Conversion.CONST: (),
}
_SEVERAL: Final = frozenset({Conversion.TEXT, Conversion.POINT, Conversion.VECTOR})
_CORE: Final = {
    "event_time": Conversion.TIME,
    "arrival_time": Conversion.TIME,
    "position": Conversion.NUMBER,
    "value": Conversion.NUMBER,
}
UNITS: Final = {"s": 1_000_000, "ms": 1_000, "us": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """Where one column of a workspace comes from.

    Attributes:
        target: Its name in the workspace: ``item_id``, ``item.price``, ``event_time``, …
        conversion: What the values become; a constant has the conversion of its value.
        sources: Columns of the file; none for a constant.
        constant: The value of every row, or None.
        values: For categories and numbers: what each text stands for.
        decimal: For numbers: the decimal mark.
        remove: For numbers: characters that do not count, such as ``$`` and thousands separators.
        scale: For numbers: what to multiply by.
        sep: For lists, points and vectors: what separates the parts of one text.
        lower: For categories and lists: whether case does not matter.
        gather: For texts: whether those of all rows of an id are joined, rather than that of the last one taken.
        format: For times: as ``strptime`` has it; empty: ISO 8601, or a number.
        unit: For times: microseconds in a unit of a number; 0: not said.
        zone: For times without a zone of their own: IANA name.
    """

    target: str
    conversion: Conversion
    sources: tuple[str, ...] = ()
    constant: Any = None
    values: Mapping[str, Any] = field(default_factory=dict)
    decimal: str = "."
    remove: str = ""
    scale: float = 1.0
    sep: str = ""
    lower: bool = False
    gather: bool = False
    format: str = ""
    unit: int = 0
    zone: str = ""

    @property
    def source(self) -> str:
        """The source columns in words."""
        return ", ".join(self.sources)

    @property
    def is_id(self) -> bool:
        """Whether the values name something."""
        return self.target.endswith("_id") and "." not in self.target

    @property
    def arrow(self) -> pa.DataType | None:
        """The Arrow type of the result; None for a vector, whose length the data tell."""
        if self.target in CORE.names:
            return CORE.field(self.target).type
        return {
            Conversion.NUMBER: pa.float64(),
            Conversion.LIST: pa.list_(pa.string()),
            Conversion.TIME: pa.timestamp("us", "UTC"),
            Conversion.POINT: pa.list_(pa.float64(), 2),
            Conversion.VECTOR: None,
        }.get(self.conversion, pa.string())


def read_column(document: Document, target: str, key: yaml.Node, node: yaml.Node) -> Column:
    """Read one line under ``columns:``.

    Raises:
        DefinitionError: When it is not what it must be; names line and column.
    """
    core = _CORE.get(target, Conversion.TEXT) if "." not in target else None
    if isinstance(node, yaml.ScalarNode) and core is not None and node.value:
        return Column(target=target, conversion=core, sources=(node.value,))
    if not isinstance(node, yaml.MappingNode):
        raise document.error(node, f"say what {target} is", f"for example {target}: {{text: column}} or {{number: …}}")
    entries = document.entries(node, target)
    named = [Conversion(name) for name in entries if name in set(Conversion)]
    if len(named) != 1:
        raise document.error(key, f"{target} needs one of {', '.join(Conversion)}", _hint(entries))
    conversion = named[0]
    options = _options(document, conversion, {n: e.value for n, e in entries.items() if n != conversion})
    source = document.tree(entries[conversion].value)
    refuse = _Refuse(document, entries[conversion].value)
    if conversion is Conversion.CONST:
        return _constant(target, source, core, refuse)
    if core is not None and conversion not in {core, Conversion.CATEGORY if core is Conversion.TEXT else core}:
        raise refuse(f"{target} is a {core}, not a {conversion}")
    return Column(target=target, conversion=conversion, sources=_sources(conversion, source, refuse), **options)


def _hint(entries: Mapping[str, Any]) -> str:
    near = [f"for {name}: {hint}" for name in entries if (hint := nearest(name, [str(one) for one in Conversion]))]
    return next(filter(None, near), "for example {number: price} or {point: [latitude, longitude]}")


@dataclass(frozen=True, slots=True)
class _Refuse:
    """Makes an error that points at a place."""

    document: Document
    node: yaml.Node

    def __call__(self, message: str, hint: str = "") -> DefinitionError:
        return self.document.error(self.node, message, hint)


def _sources(conversion: Conversion, given: Any, refuse: _Refuse) -> tuple[str, ...]:
    names = given if isinstance(given, list) else [given]
    if not names or not all(isinstance(name, str | int) and not isinstance(name, bool) for name in names):
        raise refuse(f"{conversion}: names a column of the file")
    if conversion is Conversion.POINT and len(names) > 2:
        raise refuse("a point has a latitude and a longitude: point: [latitude, longitude]")
    if len(names) > 1 and conversion not in _SEVERAL:
        raise refuse(f"a {conversion} comes from one column")
    return tuple(map(str, names))


def _constant(target: str, value: Any, core: Conversion | None, refuse: _Refuse) -> Column:
    if isinstance(value, dt.date) or core is Conversion.TIME:
        return Column(target=target, conversion=Conversion.TIME, constant=_moment(value, refuse))
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise refuse("a constant is a text, a number or a moment")
    if core is Conversion.NUMBER or (core is None and not isinstance(value, str)):
        if isinstance(value, str) or not math.isfinite(value):
            raise refuse(f"{target} is a number")
        return Column(target=target, conversion=Conversion.NUMBER, constant=float(value))
    return Column(target=target, conversion=Conversion.CATEGORY, constant=str(value))


def _moment(value: Any, refuse: _Refuse) -> dt.datetime:
    """Return a moment; without a zone it is UTC."""
    try:
        moment = dt.datetime.fromisoformat(str(value))
    except ValueError:
        raise refuse("a moment is written as 2024-01-31 or 2024-01-31T18:00:00+01:00") from None
    return moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment.astimezone(dt.UTC)


def _options(document: Document, conversion: Conversion, nodes: Mapping[str, yaml.Node]) -> dict[str, Any]:
    """Check the words beside the conversion."""
    found: dict[str, Any] = {}
    for name, node in nodes.items():
        if name not in _OPTIONS[conversion]:
            known = ", ".join(_OPTIONS[conversion]) or "no options"
            raise document.error(node, f"a {conversion} has no {name!r:.40}", f"it may have: {known}")
        given = _as_written(document, node) if name == "values" else document.tree(node)
        found[name] = _option(conversion, name, given, _Refuse(document, node))
    return found


def _option(conversion: Conversion, name: str, value: Any, refuse: _Refuse) -> Any:
    if name in _CHECKED:
        return _CHECKED[name](value, refuse)
    if name == "values":
        return _values(conversion, value, refuse)
    if not isinstance(value, str) or not value:
        raise refuse(f"{name}: is a text")
    if name == "zone" and value not in zoneinfo.available_timezones():
        raise refuse(f"there is no time zone {value!r:.40}", "an IANA name such as Europe/Berlin")
    if name == "format" and ("%z" in value or "%Z" in value):
        raise refuse("a format has no zone", "times with an offset are read as ISO 8601: leave format: out")
    return value


def _unit(value: Any, refuse: _Refuse) -> int:
    if value not in UNITS:
        raise refuse(f"unit: is one of {', '.join(UNITS)}")
    return UNITS[value]


def _flag(value: Any, refuse: _Refuse) -> bool:
    if not isinstance(value, bool):
        raise refuse("this is true or false")
    return value


def _scale(value: Any, refuse: _Refuse) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise refuse("scale: is a number")
    return float(value)


_CHECKED: Final[Mapping[str, Callable[[Any, _Refuse], Any]]] = {
    "unit": _unit,
    "lower": _flag,
    "gather": _flag,
    "scale": _scale,
}


def _values(conversion: Conversion, given: Any, refuse: _Refuse) -> dict[str, Any]:
    if not given:
        raise refuse("values: says what each text stands for, for example {low: 1, high: 3}")
    number = conversion is Conversion.NUMBER
    for value in given.values():
        if isinstance(value, bool) or not isinstance(value, int | float if number else str):
            raise refuse(f"values: {value!r:.40} is not a {conversion}; quote words such as 'yes' and 'no'")
    return {key: float(value) if number else value for key, value in given.items()}


def _as_written(document: Document, node: yaml.Node) -> dict[str, Any] | None:
    """Return a mapping whose keys are the texts of the file: ``no`` is a text there, and no falsehood."""
    if not isinstance(node, yaml.MappingNode):
        return None
    return {key: document.tree(entry.value) for key, entry in document.entries(node, "values:").items()}
