"""Who gets which arm: a table of 10,000 buckets for each layer, two hashes, and nothing remembered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from searchrank.experiments.bucket import unit_bytes
from searchrank.experiments.layer import Arm, Experiment, Layer
from searchrank.experiments.parameter import Value
from searchrank.experiments.places import Places, Table

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
_Audience = tuple[tuple[str, frozenset[str]], ...]
_UNFORCED: Final[dict[int, Assigned]] = {}


def _assigned(layer: Layer, experiment: Experiment, arm: Arm, *, overridden: bool = False) -> Assigned:
    share = arm.weight / experiment.weight
    return Assigned(layer.name, experiment.name, arm.name, share, overridden, dict(arm.parameters))


class _Family:
    """The layers that hash one kind of id; those without an experiment that is switched on are left out.

    Attributes:
        arms: The arm of each place; an arm has as many as it weighs.
    """

    __slots__ = ("_conditions", "_overrides", "_places", "_targets", "arms")

    def __init__(self, layers: Iterable[Layer]) -> None:
        self.arms: list[Assigned] = []
        self._conditions: list[tuple[int, _Audience]] = []  # of each place: number of its layer, and who takes part
        self._overrides: dict[bytes, dict[int, Assigned]] = {}  # by unit and number of the layer
        tables = []
        for layer in layers:
            running = [experiment for experiment in layer.experiments if experiment.enabled]
            if running:
                tables.append(Table.of(layer.salt, running, len(self.arms)))
                for experiment in running:
                    self._add(len(tables), layer, experiment)
        self._places = Places(tables)
        self._targets = any(audience for _, audience in self._conditions)

    def _add(self, number: int, layer: Layer, experiment: Experiment) -> None:
        arms = {arm.name: arm for arm in experiment.arms}
        for arm in experiment.arms:
            self.arms += [_assigned(layer, experiment, arm)] * arm.weight
        self._conditions += [(number, tuple(experiment.where.items()))] * experiment.weight
        for unit, name in experiment.overrides.items():
            forced = _assigned(layer, experiment, arms[name], overridden=True)
            self._overrides.setdefault(unit_bytes(unit), {})[number] = forced

    def choose(self, name: str, attributes: Mapping[str, str]) -> list[Assigned]:
        """Return a unit's arms, overridden ones last; written for speed, since every request comes through here."""
        unit = name.encode() if name.isascii() else unit_bytes(name)
        places = self._places.of(unit)
        forced = self._overrides.get(unit, _UNFORCED)
        if forced or self._targets:
            places = [place for place in places if self._applies(place, forced, attributes)]
        arms = self.arms
        return [*[arms[place] for place in places], *forced.values()] if forced else [arms[place] for place in places]

    def _applies(self, place: int, forced: Mapping[int, Assigned], attributes: Mapping[str, str]) -> bool:
        layer, audience = self._conditions[place]
        return layer not in forced and all(attributes.get(name) in allowed for name, allowed in audience)


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
        arms = self._users.choose(user_id, attributes) if user_id and self._users.arms else []
        if session_id and self._sessions.arms:
            arms += self._sessions.choose(session_id, attributes)
        parameters = self._defaults.copy()
        for arm in arms:
            if sets := arm.sets:
                parameters |= sets
        return Assignment(tuple(arms), parameters)

    def settings(self, assignment: Assignment) -> tuple[tuple[str, Value], ...]:
        """Return what an assignment sets in serving: pairs of part and value."""
        given = assignment.parameters
        return tuple((part, given[name]) for name, part in self._sets.items() if name in given)
