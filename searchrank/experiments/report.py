"""What the arms did: answers with the arms they were given, and what became of what they showed.

Arms are those that served, as the serving log has them; the experiment file says only which experiments to tell about,
which arm is the control and what the weights are. A unit counts as exposed when something was shown to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from searchrank.experiments.analysis import Difference, Ratio, difference, ratio, sample_ratio
from searchrank.experiments.exposure import Exposures

if TYPE_CHECKING:
    import pyarrow as pa

    from searchrank.experiments.configuration import Experiments
    from searchrank.experiments.layer import Experiment, Layer

__all__ = ["ArmReport", "ExperimentReport", "report"]

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


def report(experiments: Experiments, answers: pa.Table, events: pa.Table) -> tuple[ExperimentReport, ...]:
    """Return what every experiment did.

    Args:
        experiments: Names the experiments, their arms and weights.
        answers: ``ANSWERED`` columns of the serving log, candidates cut to those returned.
        events: ``HAPPENED`` columns of the event log: impressions, clicks and orders.
    """
    import pyarrow.compute as pc  # noqa: PLC0415 - only reports need it

    found = []
    for surface, layers in experiments.surfaces.items():
        exposures = Exposures.of(answers.filter(pc.equal(answers["surface"], surface)), events)
        found += [_report(surface, layer, one, exposures) for layer in layers for one in layer.experiments]
    return tuple(found)


def _report(surface: str, layer: Layer, experiment: Experiment, exposures: Exposures) -> ExperimentReport:
    units = exposures.units[layer.unit]
    arms = exposures.arms.get((layer.name, experiment.name), np.full(len(units), "", object))
    told: list[ArmReport] = []
    control: Ratio | None = None
    for arm in experiment.arms:
        chosen = arms == arm.name
        sums = _by_unit(units[chosen], [column[chosen] for column in exposures.counts])
        shown, clicked, ordered = (column[sums[0] > 0] for column in sums)
        ctr = ratio(clicked.astype(np.float64), shown.astype(np.float64))
        change = None if control is None else difference(control, ctr)
        control = control or ctr
        totals = (int(shown.sum()), int(clicked.sum()), int(ordered.sum()))
        told.append(ArmReport(arm.name, len(shown), *totals, ctr, change))
    p = sample_ratio([arm.units for arm in told], [arm.weight for arm in experiment.arms])
    return ExperimentReport(surface, layer.name, experiment.name, tuple(told), p)


def _by_unit(units: npt.NDArray[np.object_], columns: Sequence[Ints]) -> list[Ints]:
    """Return the sums of columns over the rows of each unit."""
    found, place = np.unique(units.astype(np.str_), return_inverse=True)
    sums = [np.zeros(len(found), np.int64) for _ in columns]
    for total, column in zip(sums, columns, strict=True):
        np.add.at(total, place, column)
    return sums
