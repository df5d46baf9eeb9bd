"""Who gets which arm: a table of 10,000 buckets for each layer, two hashes, and nothing remembered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from xxhash import xxh3_64_intdigest

from searchrank.experiments.bucket import BUCKETS, unit_bytes
from searchrank.experiments.layer import Arm, Experiment, Layer
from searchrank.experiments.parameter import Value

__all__ = ["NOBODY", "Assigned", "Assigner", "Assignment"]


@dataclass(frozen=True, slots=True)
class Assigned:
    """One arm that a unit is in.

    Attributes:
        layer: Its layer.
        experiment: Its experiment.
        arm: Its name.
        propensity: Share of the experiment's units that get this arm, 0 to 1.
        overridden: Whether the unit is listed for this arm instead of hashed into it; such a unit is not counted.
        sets: Values that the arm sets, by name; a plain dictionary, which merges faster than a proxy of one.
    """

    layer: str
    experiment: str
    arm: str
    propensity: float
    overridden: bool = False
    sets: dict[str, Value] = field(default_factory=dict, compare=False, repr=False)


class Assignment(NamedTuple):
    """What applies to one request; a named tuple, since it is made in half the time of a frozen dataclass.

    Attributes:
        arms: At most one a layer: layers that hash users first, overridden arms of a unit last.
        parameters: Values by name, defaults included; a parameter without default that no arm sets is absent.
    """

    arms: tuple[Assigned, ...]
    parameters: Mapping[str, Value]

    @property
    def propensities(self) -> tuple[float, ...]:
        """Propensity of each arm."""
        return tuple(arm.propensity for arm in self.arms)

    @property
    def exposures(self) -> tuple[Assigned, ...]:
        """The arms that count: those that chance gave."""
        return tuple(arm for arm in self.arms if not arm.overridden)


NOBODY: Final = Assignment((), {})
_UNFORCED: Final[dict[bytes, Assigned]] = {}
_Audience = tuple[tuple[str, frozenset[str]], ...]
_Slot = tuple[bytes, int, list[Assigned], _Audience]
"""An experiment: what is hashed before the unit, the sum of weights, an arm for each of them, who takes part."""
_Table = tuple[bytes, bytes, list[_Slot]]
"""A layer: what is hashed before the unit, for each bucket 0 or 1 + its slot, the slots."""


def _slot(layer: Layer, experiment: Experiment) -> _Slot:
    arms = [_assigned(layer, experiment, arm) for arm in experiment.arms for _ in range(arm.weight)]
    prefix = f"{layer.salt}.{experiment.name}.".encode()
    return prefix, len(arms), arms, tuple(experiment.where.items())


def _assigned(layer: Layer, experiment: Experiment, arm: Arm, *, overridden: bool = False) -> Assigned:
    share = arm.weight / experiment.weight
    return Assigned(layer.name, experiment.name, arm.name, share, overridden, dict(arm.parameters))


class _Family:
    """The layers that hash one kind of id.

    Attributes:
        tables: One a layer.
        overrides: Arms by unit and by what the layer hashes before a unit.
    """

    __slots__ = ("overrides", "tables")

    def __init__(self, layers: Iterable[Layer]) -> None:
        self.tables: list[_Table] = []
        self.overrides: dict[bytes, dict[bytes, Assigned]] = {}
        for layer in layers:
            self._add(layer)

    def _add(self, layer: Layer) -> None:
        prefix = f"{layer.salt}.".encode()
        buckets = bytearray(BUCKETS)
        slots: list[_Slot] = []
        for experiment in layer.experiments:
            if not experiment.enabled:
                continue
            slots.append(_slot(layer, experiment))
            for number in experiment.active():
                buckets[number] = len(slots)
            arms = {arm.name: arm for arm in experiment.arms}
            for unit, arm in experiment.overrides.items():
                forced = _assigned(layer, experiment, arms[arm], overridden=True)
                self.overrides.setdefault(unit_bytes(unit), {})[prefix] = forced
        if slots:
            self.tables.append((prefix, bytes(buckets), slots))


class Assigner:
    """The layers of one surface, compiled; safe to use from several threads.

    Attributes:
        attributes: Request inputs that experiments are targeted by.
    """

    def __init__(self, layers: Iterable[Layer]) -> None:
        layers = tuple(layers)
        declared = [parameter for layer in layers for parameter in layer.parameters.values()]
        self._users = _Family(layer for layer in layers if layer.unit == "user_id")
        self._sessions = _Family(layer for layer in layers if layer.unit == "session_id")
        self._defaults = {p.name: p.default for p in declared if p.default is not None}
        self._sets = {p.name: p.sets for p in declared if p.sets}
        self.attributes = frozenset(name for layer in layers for e in layer.experiments for name in e.where)

    def assign(self, user_id: str, session_id: str, attributes: Mapping[str, str]) -> Assignment:
        """Return what applies; an empty id is in no arm of the layers that hash it."""
        arms: list[Assigned] = []
        if user_id and self._users.tables:
            _choose(unit_bytes(user_id), self._users, attributes, arms)
        if session_id and self._sessions.tables:
            _choose(unit_bytes(session_id), self._sessions, attributes, arms)
        parameters = self._defaults.copy()
        for arm in arms:
            if sets := arm.sets:
                parameters |= sets
        return Assignment(tuple(arms), parameters)

    def settings(self, assignment: Assignment) -> tuple[tuple[str, Value], ...]:
        """Return what an assignment sets in serving: pairs of part and value."""
        given = assignment.parameters
        return tuple((part, given[name]) for name, part in self._sets.items() if name in given)


def _choose(unit: bytes, family: _Family, attributes: Mapping[str, str], arms: list[Assigned]) -> None:
    """Add a unit's arms; written for speed, since every request comes through here."""
    digest, size, forced = xxh3_64_intdigest, BUCKETS, family.overrides.get(unit, _UNFORCED)
    for prefix, buckets, slots in family.tables:
        if number := buckets[digest(prefix + unit) % size]:
            salt, total, choices, audience = slots[number - 1]
            if (audience and not _takes_part(audience, attributes)) or (forced and prefix in forced):
                continue
            arms.append(choices[digest(salt + unit) % total])
    arms += forced.values()


def _takes_part(audience: _Audience, attributes: Mapping[str, str]) -> bool:
    return all(attributes.get(name) in allowed for name, allowed in audience)
