"""What the arms did: searches, impressions and clicks from the event log, joined to the arms by the hash.

No exposure has to be stored for this: an arm follows from the unit and the file. A unit counts as exposed when
something was shown to it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from searchrank.experiments.analysis import Difference, Ratio, difference, ratio, sample_ratio

if TYPE_CHECKING:
    import pyarrow as pa

    from searchrank.experiments.configuration import Experiments
    from searchrank.experiments.layer import Experiment, Layer

__all__ = ["COLUMNS", "ArmReport", "ExperimentReport", "report"]

COLUMNS: Final = ("kind", "request_id", "user_id", "session_id", "item_id", "surface")
"""Event columns that a report reads, beside those that experiments are targeted by."""
ALARM: Final = 0.001
"""A sample-ratio p-value below this means that the numbers cannot be trusted."""
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ArmReport:
    """One arm.

    Attributes:
        name: Its name.
        units: Units that something was shown to.
        shown: Items shown.
        clicked: Shown items that were clicked, each once a request.
        ordered: Shown items that were ordered, each once a request.
        ctr: ``clicked / shown``, clustered by unit.
        change: CTR minus the control's; None for the control.
    """

    name: str
    units: int
    shown: int
    clicked: int
    ordered: int
    ctr: Ratio
    change: Difference | None


@dataclass(frozen=True, slots=True)
class ExperimentReport:
    """One experiment.

    Attributes:
        surface: Its surface.
        layer: Its layer.
        name: Its name.
        arms: Control first.
        sample_ratio_p: How likely the split of units is under the weights; NaN with no units or one arm.
    """

    surface: str
    layer: str
    name: str
    arms: tuple[ArmReport, ...]
    sample_ratio_p: float

    @property
    def is_fair(self) -> bool:
        """Whether the split of units can be trusted."""
        return not self.sample_ratio_p < ALARM


def report(experiments: Experiments, events: pa.Table) -> tuple[ExperimentReport, ...]:
    """Return what every experiment did.

    Args:
        experiments: The file as it was while the events happened.
        events: ``COLUMNS`` and the columns that experiments are targeted by. ``search`` events say who asked;
            ``impression``, ``click`` and ``order`` events are joined to them by request.
    """
    found = []
    for surface, layers in experiments.surfaces.items():
        requests = _Requests(experiments, surface, events)
        found += [requests.report(layer, one) for layer in layers for one in layer.experiments]
    return tuple(found)


class _Requests:
    """The searches of one surface with what was shown, clicked and ordered in each."""

    def __init__(self, experiments: Experiments, surface: str, events: pa.Table) -> None:
        import pyarrow.compute as pc  # noqa: PLC0415 - only reports need it

        self._surface = surface
        mine = events.filter(pc.equal(events["surface"], surface))
        searches = mine.filter(pc.equal(mine["kind"], "search"))
        self._units = {unit: _texts(searches[unit]) for unit in ("user_id", "session_id")}
        numbers = {request: k for k, request in enumerate(_texts(searches["request_id"]))}
        seen = {kind: _pairs(events.filter(pc.equal(events["kind"], kind)), numbers) for kind in _KINDS}
        self._counts = {kind: np.zeros(len(self), np.int64) for kind in _KINDS}
        for kind, pairs in seen.items():
            kept = pairs & seen["impression"]
            np.add.at(self._counts[kind], np.array([number for number, _ in kept], np.int64), 1)
        self._arms = self._assign(experiments, searches)

    def __len__(self) -> int:
        return len(self._units["user_id"])

    def _assign(self, experiments: Experiments, searches: pa.Table) -> dict[tuple[str, str], list[str]]:
        """Return the arm of each request by layer and experiment; empty where it is in none."""
        assigner = experiments.assigner(self._surface)
        names = sorted(assigner.attributes) if assigner else []
        columns = [_texts(searches[name]) for name in names if name in searches.column_names]
        present = [name for name in names if name in searches.column_names]
        arms: dict[tuple[str, str], list[str]] = defaultdict(lambda: [""] * len(self))
        for number, (user, session) in enumerate(zip(*self._units.values(), strict=True)):
            attributes = {name: column[number] for name, column in zip(present, columns, strict=True)}
            given = experiments.assign(self._surface, user_id=user, session_id=session, attributes=attributes)
            for arm in given.exposures:
                arms[arm.layer, arm.experiment][number] = arm.arm
        return arms

    def report(self, layer: Layer, experiment: Experiment) -> ExperimentReport:
        """Return what one experiment did."""
        arms = np.array(self._arms.get((layer.name, experiment.name), [""] * len(self)), np.str_)
        units = np.array(self._units[layer.unit], np.str_)
        told: list[ArmReport] = []
        control: Ratio | None = None
        for arm in experiment.arms:
            chosen = arms == arm.name
            sums = _by_unit(units[chosen], [self._counts[kind][chosen] for kind in _KINDS])
            shown, clicked, ordered = (column[sums[0] > 0] for column in sums)
            ctr = ratio(clicked.astype(np.float64), shown.astype(np.float64))
            change = None if control is None else difference(control, ctr)
            control = control or ctr
            totals = (int(shown.sum()), int(clicked.sum()), int(ordered.sum()))
            told.append(ArmReport(arm.name, len(shown), *totals, ctr, change))
        p = sample_ratio([arm.units for arm in told], [arm.weight for arm in experiment.arms])
        return ExperimentReport(self._surface, layer.name, experiment.name, tuple(told), p)


_KINDS: Final = ("impression", "click", "order")


def _texts(column: Any) -> list[str]:
    return [text or "" for text in column.to_pylist()]


def _pairs(events: pa.Table, numbers: dict[str, int]) -> set[tuple[int, str]]:
    """Return (search, item) of events, each once; those of no search are left out."""
    pairs = zip(_texts(events["request_id"]), _texts(events["item_id"]), strict=True)
    return {(numbers[request], item) for request, item in pairs if request in numbers}


def _by_unit(units: npt.NDArray[np.str_], columns: Sequence[Ints]) -> list[Ints]:
    """Return the sums of columns over the rows of each unit."""
    found, place = np.unique(units, return_inverse=True)
    sums = [np.zeros(len(found), np.int64) for _ in columns]
    for total, column in zip(sums, columns, strict=True):
        np.add.at(total, place, column)
    return sums
