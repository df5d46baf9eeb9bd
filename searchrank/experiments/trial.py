"""Reads one experiment: its buckets, share, audience and arms."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from searchrank.document import Document, Entry
from searchrank.experiments.bucket import Range, parse_range, shown
from searchrank.experiments.layer import Arm, Experiment
from searchrank.experiments.parameter import Parameter, Value

__all__ = ["TrialReader"]

MAX_WEIGHT: Final = 10_000
_FIELDS: Final = ("buckets", "share", "enabled", "where", "overrides", "arms")
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_SHARE: Final = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,2})?)%")
_BUCKETS_HINT: Final = "buckets are 0-499, or a list such as [0-499, 700-899], from 0 to 9999"


class TrialReader:
    """Reads the experiments of one layer."""

    def __init__(
        self,
        document: Document,
        parameters: Mapping[str, Parameter],
        faulty: frozenset[str],
        check: Callable[[Parameter, Value], str],
    ) -> None:
        """Hold what an experiment may name.

        Args:
            document: The text.
            parameters: The layer's parameters.
            faulty: Parameters that were refused already and are not looked at again.
            check: Says why a value does not fit the project; empty when it does.
        """
        self._document = document
        self._parameters = parameters
        self._faulty = faulty
        self._check = check

    def read(self, name: str, entry: Entry, inputs: frozenset[str] | None) -> Experiment:
        """Return an experiment.

        Args:
            name: Its name.
            entry: Its place.
            inputs: What it may be targeted by; None: anything.

        Raises:
            DefinitionError: The first fault, with its place.
        """
        parts = self._document.fields(entry, f"the experiment {name}", _FIELDS, ("buckets", "arms"))
        arms = self._arms(parts["arms"])
        buckets = self._buckets(parts["buckets"])
        return Experiment(
            name=name,
            buckets=buckets,
            taken=self._taken(buckets, parts),
            arms=arms,
            enabled=self._enabled(parts),
            where=self._where(parts, inputs),
            overrides=self._overrides(parts, {arm.name for arm in arms}),
        )

    def _buckets(self, entry: Entry) -> tuple[Range, ...]:
        written = self._document.value(entry.value)
        found: list[Range] = []
        for text in written if isinstance(written, list) else [written]:
            part = parse_range(str(text))
            if part is None:
                raise self._document.error(entry.value, f"{text!r:.60} names no buckets", _BUCKETS_HINT)
            if any(part[0] <= last and first <= part[1] for first, last in found):
                raise self._document.error(entry.value, f"buckets {shown([part])} are named twice", _BUCKETS_HINT)
            found.append(part)
        if not found:
            raise self._document.error(entry.value, "an experiment needs buckets", _BUCKETS_HINT)
        return tuple(found)

    def _taken(self, buckets: tuple[Range, ...], parts: Mapping[str, Entry]) -> int:
        reserved = sum(last - first + 1 for first, last in buckets)
        if "share" not in parts:
            return reserved
        node = parts["share"].value
        text = str(self._document.value(node))
        found = _SHARE.fullmatch(text)
        if found is None:
            raise self._document.error(node, f"{text!r:.60} is no share", "a share of the layer is written 10% or 0.5%")
        taken = round(float(found[1]) * 100)
        if taken > reserved:
            hint = f"reserve more buckets, or ask for at most {reserved / 100:g}%"
            raise self._document.error(node, f"{text} is more than the {reserved:,} buckets reserved", hint)
        return taken

    def _enabled(self, parts: Mapping[str, Entry]) -> bool:
        value = self._document.value(parts["enabled"].value) if "enabled" in parts else True
        if not isinstance(value, bool):
            raise self._document.error(parts["enabled"].value, f"enabled is true or false, not {value!r:.60}")
        return value

    def _where(self, parts: Mapping[str, Entry], inputs: frozenset[str] | None) -> Mapping[str, frozenset[str]]:
        found = {}
        for name, entry in self._document.entries(parts["where"].value, "where:").items() if "where" in parts else ():
            if inputs is not None and name not in inputs:
                known = ", ".join(sorted(inputs)) or "none"
                raise self._document.error(entry.key, f"callers send no text {name!r:.60}", f"texts they send: {known}")
            value = self._document.value(entry.value)
            allowed = value if isinstance(value, list) else [value]
            if not allowed or not all(isinstance(one, str) for one in allowed):
                raise self._document.error(entry.value, "a text or a list of texts is expected; quote numbers")
            found[name] = frozenset(allowed)
        return MappingProxyType(found)

    def _overrides(self, parts: Mapping[str, Entry], arms: set[str]) -> Mapping[str, str]:
        found = {}
        entries = self._document.entries(parts["overrides"].value, "overrides:") if "overrides" in parts else {}
        for unit, entry in entries.items():
            arm = str(self._document.value(entry.value))
            if arm not in arms:
                raise self._document.error(
                    entry.value, f"there is no arm {arm!r:.60}", f"arms: {', '.join(sorted(arms))}"
                )
            found[unit] = arm
        return MappingProxyType(found)

    def _arms(self, entry: Entry) -> tuple[Arm, ...]:
        parts = self._document.entries(entry.value, "arms:")
        arms = tuple(self._arm(name, part) for name, part in parts.items())
        total = sum(arm.weight for arm in arms)
        if not 0 < total <= MAX_WEIGHT:
            raise self._document.error(
                entry.key, f"the weights of the arms add up to {total:,}", f"1 to {MAX_WEIGHT:,}"
            )
        return arms

    def _arm(self, name: str, entry: Entry) -> Arm:
        if not _NAME.fullmatch(name):
            raise self._document.error(entry.key, f"{name!r:.60} is no name of an arm", "use a-z, 0-9 and _")
        parts = self._document.fields(entry, f"the arm {name}", ("weight", "set"), ("weight",))
        weight = self._document.value(parts["weight"].value)
        if not isinstance(weight, int) or isinstance(weight, bool) or not 0 <= weight <= MAX_WEIGHT:
            hint = f"a whole number from 0 to {MAX_WEIGHT:,}"
            raise self._document.error(parts["weight"].value, f"{weight!r:.60} is no weight", hint)
        return Arm(name, weight, MappingProxyType(self._settings(parts)))

    def _settings(self, parts: Mapping[str, Entry]) -> dict[str, Value]:
        found = {}
        for name, entry in self._document.entries(parts["set"].value, "set:").items() if "set" in parts else ():
            if name in self._faulty:
                continue
            parameter = self._parameters.get(name)
            if parameter is None:
                known = ", ".join(self._parameters) or "none"
                raise self._document.error(
                    entry.key, f"the layer declares no parameter {name!r:.60}", f"it declares: {known}"
                )
            value = self._document.value(entry.value)
            if problem := parameter.problem(value) or self._check(parameter, value):
                raise self._document.error(entry.value, problem)
            found[name] = value
        return found
