"""Layers, experiments and arms as they are declared: a unit is in at most one experiment of a layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from searchrank.experiments.bucket import Range, gaps
from searchrank.experiments.parameter import Parameter, Value

__all__ = ["Arm", "Experiment", "Layer", "Unit"]

Unit = Literal["user_id", "session_id"]


@dataclass(frozen=True, slots=True)
class Arm:
    """One treatment; the first arm of an experiment is its control.

    Attributes:
        name: Unique in its experiment.
        weight: Its part of the experiment, relative to the other arms.
        parameters: What it sets; what it does not set keeps its default.
    """

    name: str
    weight: int
    parameters: Mapping[str, Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """Some buckets of a layer, split among arms.

    Attributes:
        name: Unique in its layer.
        buckets: What is reserved for it, in the order in which a growing share takes them.
        taken: How many of these buckets take part now.
        arms: Control first.
        enabled: False takes everybody out at once, overridden units too.
        where: Allowed values by request input, all of which must hold; empty: everybody.
        overrides: Arms by unit id, for looking at an arm; such units are never counted.
    """

    name: str
    buckets: tuple[Range, ...]
    taken: int
    arms: tuple[Arm, ...]
    enabled: bool
    where: Mapping[str, frozenset[str]]
    overrides: Mapping[str, str]

    @property
    def reserved(self) -> int:
        """Number of buckets that nobody else in the layer may use."""
        return sum(last - first + 1 for first, last in self.buckets)

    @property
    def weight(self) -> int:
        """Sum of the arms' weights."""
        return sum(arm.weight for arm in self.arms)

    def active(self) -> list[int]:
        """Return the buckets that take part: the first ``taken`` of the reserved ones."""
        return [number for first, last in self.buckets for number in range(first, last + 1)][: self.taken]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """Experiments that exclude each other; layers are independent of each other.

    Attributes:
        name: Unique on its surface.
        salt: What makes its buckets its own; changing it moves everybody.
        unit: Which id is hashed.
        parameters: What its arms may set, by name.
        experiments: With disjoint buckets.
    """

    name: str
    salt: str
    unit: Unit
    parameters: Mapping[str, Parameter]
    experiments: tuple[Experiment, ...]

    @property
    def free(self) -> tuple[Range, ...]:
        """Buckets that no experiment reserves."""
        return gaps([part for experiment in self.experiments for part in experiment.buckets])
