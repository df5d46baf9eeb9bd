"""Reads and checks ``experiments.yaml``: layers here, experiments in ``trial``; every fault is kept with its place."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, ParamSpec, TypeVar

from searchrank.document import Document, Entry
from searchrank.errors import DefinitionError
from searchrank.experiments.bucket import Range, common, gaps, shown
from searchrank.experiments.layer import Experiment, Layer, Unit
from searchrank.experiments.parameter import (
    BLEND,
    BRANCH_QUOTA,
    RELEASE,
    RERANK,
    TARGETS,
    Parameter,
    ParameterType,
    Value,
    limits,
)
from searchrank.experiments.surroundings import Surroundings
from searchrank.experiments.trial import TrialReader

__all__ = ["Reader"]

_SALT: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_LAYER: Final = ("salt", "unit", "parameters", "experiments")
_PARAMETER: Final = ("type", "default", "sets", "choices")
_WORDS: Final = (ParameterType.TEXT, ParameterType.CHOICE)
_TYPES: Final = {RELEASE: (ParameterType.INTEGER, *_WORDS), BLEND: _WORDS, RERANK: _WORDS}
P = ParamSpec("P")
T = TypeVar("T")


class Reader:
    """Reads one text; ``problems`` holds what is wrong with it, one fault a part at most.

    Attributes:
        problems: Faults found by ``read``.
    """

    def __init__(self, source: str, text: str, surroundings: Surroundings | None) -> None:
        self.problems: list[DefinitionError] = []
        self._document = Document(source, text)
        self._surroundings = surroundings
        self._salts: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._targets: dict[str, str] = {}

    def read(self) -> dict[str, tuple[Layer, ...]]:
        """Return the layers by surface; parts with faults are left out."""
        return self._attempt(self._read) or {}

    def _attempt(self, work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T | None:
        try:
            return work(*arguments, **named)
        except DefinitionError as problem:
            self.problems.append(problem)
            return None

    def _read(self) -> dict[str, tuple[Layer, ...]]:
        root = self._document.root("surfaces:")
        top = self._document.fields(Entry(root, root), "the file", ("surfaces",), ("surfaces",))
        surfaces = self._document.entries(top["surfaces"].value, "surfaces:")
        found = {name: self._attempt(self._surface, name, entry) for name, entry in surfaces.items()}
        return {name: layers for name, layers in found.items() if layers is not None}

    def _surface(self, name: str, entry: Entry) -> tuple[Layer, ...]:
        if self._surroundings is not None and name not in self._surroundings.project.surfaces:
            known = ", ".join(self._surroundings.project.surfaces)
            raise self._document.error(entry.key, f"the project has no surface {name!r:.60}", f"it has: {known}")
        self._salts, self._names, self._targets = {}, {}, {}
        parts = self._document.entries(entry.value, f"the surface {name}")
        found = [self._attempt(self._layer, name, n, e) for n, e in parts.items()]
        return tuple(layer for layer in found if layer is not None)

    def _layer(self, surface: str, name: str, entry: Entry) -> Layer:
        self._named(entry, "a layer")
        parts = self._document.fields(entry, f"the layer {name}", _LAYER, ("salt", "parameters", "experiments"))
        salt = self._salt(name, parts["salt"])
        unit = self._unit(parts)
        declared = self._document.entries(parts["parameters"].value, "parameters:")
        parameters = {n: self._attempt(self._parameter, surface, name, n, e) for n, e in declared.items()}
        known = {n: parameter for n, parameter in parameters.items() if parameter is not None}
        faulty = frozenset(n for n, parameter in parameters.items() if parameter is None)
        experiments = self._experiments(
            parts["experiments"], TrialReader(self._document, known, faulty, self._check(surface))
        )
        return Layer(name=name, salt=salt, unit=unit, parameters=MappingProxyType(known), experiments=experiments)

    def _unit(self, parts: Mapping[str, Entry]) -> Unit:
        value = self._document.value(parts["unit"].value) if "unit" in parts else "user_id"
        if value == "session_id":
            return "session_id"
        if value != "user_id":
            raise self._document.error(parts["unit"].value, f"a unit is user_id or session_id, not {value!r:.60}")
        return "user_id"

    def _named(self, entry: Entry, what: str) -> None:
        name = entry.key.value
        if not _NAME.fullmatch(name):
            raise self._document.error(
                entry.key,
                f"{name!r:.60} is no name for {what}",
                "a name begins with a lower-case letter and has at most 64 of a-z, 0-9 and _",
            )

    def _salt(self, layer: str, entry: Entry) -> str:
        salt = str(self._document.value(entry.value))
        if not _SALT.fullmatch(salt):
            raise self._document.error(
                entry.value, f"{salt!r:.60} is no salt", "a salt has 1 to 64 of A-Z, a-z, 0-9, _ and -"
            )
        if salt in self._salts:
            raise self._document.error(
                entry.value,
                f"the layer {self._salts[salt]} has the salt {salt!r} too",
                "layers of one salt put the same units together; give each its own",
            )
        self._salts[salt] = layer
        return salt

    def _parameter(self, surface: str, layer: str, name: str, entry: Entry) -> Parameter:
        self._named(entry, "a parameter")
        if name in self._names:
            raise self._document.error(
                entry.key, f"the layer {self._names[name]} declares {name} too", "one layer decides a parameter"
            )
        self._names[name] = layer
        parts = self._document.fields(entry, f"the parameter {name}", _PARAMETER, ("type",))
        parameter = Parameter(
            name, self._type(parts["type"]), sets=self._sets(surface, name, parts), choices=self._choices(name, parts)
        )
        return self._default(surface, parameter, entry, parts)

    def _type(self, entry: Entry) -> ParameterType:
        word = str(self._document.value(entry.value))
        try:
            return ParameterType(word)
        except ValueError:
            raise self._document.error(
                entry.value, f"{word!r:.60} is no type", f"types are {', '.join(ParameterType)}"
            ) from None

    def _choices(self, name: str, parts: Mapping[str, Entry]) -> tuple[str, ...]:
        wanted = self._type(parts["type"]) is ParameterType.CHOICE
        if wanted != ("choices" in parts):
            raise self._document.error(
                parts["type"].value, f"{name}: a choice needs choices:, and only a choice has them"
            )
        found = self._document.value(parts["choices"].value) if wanted else []
        if not isinstance(found, list) or not all(isinstance(one, str) for one in found) or (wanted and not found):
            raise self._document.error(parts["choices"].value, "choices are a list of texts")
        return tuple(found)

    def _sets(self, surface: str, name: str, parts: Mapping[str, Entry]) -> str:
        if "sets" not in parts:
            return ""
        node = parts["sets"].value
        sets = str(self._document.value(node))
        if limits(sets) is None:
            raise self._document.error(node, f"a parameter cannot set {sets!r:.60}", f"it may set {', '.join(TARGETS)}")
        allowed = _TYPES.get(sets, (ParameterType.INTEGER,))
        if self._type(parts["type"]) not in allowed:
            hint = "a version is an integer, an alias such as challenger a text" if sets == RELEASE else ""
            raise self._document.error(parts["type"].value, f"what sets {sets} is of type {' or '.join(allowed)}", hint)
        branch = BRANCH_QUOTA.fullmatch(sets)
        if branch and self._surroundings is not None and branch[1] not in self._surroundings.branches(surface):
            known = ", ".join(self._surroundings.branches(surface)) or "none"
            raise self._document.error(node, f"{surface} recalls by no branch {branch[1]!r}", f"its branches: {known}")
        if sets in self._targets:
            raise self._document.error(node, f"{self._targets[sets]} sets {sets} too", "one parameter decides it")
        self._targets[sets] = name
        return sets

    def _default(self, surface: str, parameter: Parameter, entry: Entry, parts: Mapping[str, Entry]) -> Parameter:
        if "default" not in parts:
            if not parameter.sets:
                raise self._document.error(
                    entry.key, f"{parameter.name} needs default:", "only what sets: a part of serving may do without"
                )
            return parameter
        node = parts["default"].value
        value = self._document.value(node)
        if problem := parameter.problem(value) or self._check(surface)(parameter, value):
            raise self._document.error(node, problem)
        return Parameter(parameter.name, parameter.type, value, parameter.sets, parameter.choices)

    def _check(self, surface: str) -> Callable[[Parameter, Value], str]:
        """Return what says why a value does not fit the surroundings."""

        def check(parameter: Parameter, value: Value) -> str:
            if self._surroundings is not None and parameter.sets == RERANK:
                names = self._surroundings.orderings(surface)
                return "" if value in names else f"no ordering is called {value!r:.60}; there are {', '.join(names)}"
            if self._surroundings is None or parameter.sets not in {RELEASE, BLEND}:
                return ""
            if parameter.sets == BLEND:
                return self._surroundings.blend_problem(surface, str(value))
            known = self._surroundings.releases(surface)
            return (
                ""
                if value in known
                else f"no release is called {value!r:.60}; there are {', '.join(map(str, known)) or 'none'}"
            )

        return check

    def _experiments(self, entry: Entry, reader: TrialReader) -> tuple[Experiment, ...]:
        inputs = None if self._surroundings is None else self._surroundings.inputs
        taken: dict[str, tuple[Range, ...]] = {}
        units: dict[str, str] = {}
        found = []
        entries = self._document.entries(entry.value, "experiments:")
        if len(entries) > MAX_EXPERIMENTS:
            raise self._document.error(entry.key, f"at most {MAX_EXPERIMENTS} experiments a layer, not {len(entries)}")
        for name, part in entries.items():

            def read(name: str = name, part: Entry = part) -> Experiment:
                self._named(part, "an experiment")
                experiment = reader.read(name, part, inputs)
                self._disjoint(part, experiment, taken)
                for unit in experiment.overrides:
                    if unit in units:
                        raise self._document.error(part.key, f"{unit!r:.60} is overridden in {units[unit]} too")
                    units[unit] = name
                return experiment

            experiment = self._attempt(read)
            if experiment is not None:
                found.append(experiment)
                taken[name] = experiment.buckets
        return tuple(found)

    def _disjoint(self, entry: Entry, experiment: Experiment, taken: Mapping[str, tuple[Range, ...]]) -> None:
        for name, ranges in taken.items():
            both = common(experiment.buckets, ranges)
            if both:
                free = shown(gaps([part for parts in taken.values() for part in parts])) or "none"
                where = self._document.entries(entry.value, "an experiment")["buckets"].value
                hint = f"free in this layer: {free}"
                raise self._document.error(where, f"buckets {shown(both)} belong to {name} too", hint)


MAX_EXPERIMENTS: Final = 255
