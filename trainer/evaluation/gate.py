"""May it be released? What speaks against a release that would replace the champion.

Is it worse somewhere by more than chance: by what was found when it was measured against what is live. Does it take
too long: timed here and now. Has an input changed since the champion learnt it: by the profiles of both. That a release
gives the bits that it was made with is not asked here: one that does not cannot be opened at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from searchrank.features import Rows
from searchrank.models import read_profile
from trainer.evaluation.findings import Findings
from trainer.evaluation.slices import ALL, regressions

if TYPE_CHECKING:
    from searchrank.models import Release
    from searchrank.project import GateSpec, Project
    from trainer.evaluation.slices import Slice

__all__ = ["Verdict", "drifted", "milliseconds", "verdict"]

Floats = npt.NDArray[np.float64]

_ROUNDS: Final = 9
_ENOUGH: Final = 1_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """What speaks against a release.

    Attributes:
        objections: Each a reason to refuse it, in words; empty: it may be released.
        notes: What could not be asked, in words.
    """

    objections: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def verdict(release: Release, champion: Release | None, project: Project) -> Verdict:
    """Ask whether a release may replace the champion.

    Args:
        release: The release.
        champion: What is live; None: nothing.
        project: Says by its model's ``gate`` and surfaces what is allowed.

    Raises:
        DataError: When what was found about the release is damaged.
    """
    model = project.models.get(release.name)
    if model is None or (champion is not None and champion.digest == release.digest):
        return Verdict()
    slow = _slow(release, model.gate, project)
    if champion is None:
        return Verdict(slow)
    worse, notes = _worse(release, champion, model.gate)
    apart = [(name, by) for name, by in drifted(release, champion).items() if by > model.gate.drift]
    drift = tuple(
        f"input {name} is not what version {champion.version} learnt: shares of its values differ by {by:.0%}, "
        f"allowed are {model.gate.drift:.0%}"
        for name, by in apart
    )
    return Verdict((*worse, *slow, *drift), notes)


def _worse(release: Release, champion: Release, spec: GateSpec) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return in words where it is worse than the champion, and what of that is not known."""
    found = Findings.read(release.folder)
    again = f"searchrank evaluate --model {release.name} --version {release.version} measures both"
    if found is None or found.digest != release.digest or not found.slices:
        why = f" ({found.problem})" if found is not None and found.problem else ""
        return (), (f"it was not compared with version {champion.version}, which is live{why}; {again}",)
    if found.champion != champion.digest:
        return (), (f"it was compared with version {found.version}, but {champion.version} is live; {again}",)
    return tuple(_worse_in_words(one) for one in regressions(found.slices, spec.alpha)), ()


def _worse_in_words(one: Slice) -> str:
    """Return a regression in words."""
    where = "over all requests" if one.name == ALL else f"in slice {one.name}"
    return (
        f"NDCG@10 {where} falls from {one.theirs:.4f} to {one.ours:.4f} ({one.queries:,} requests, p {one.p_holm:.2g} "
        "after Holm over all slices)"
    )


def _slow(release: Release, spec: GateSpec, project: Project) -> tuple[str, ...]:
    """Return in words for which surface it takes too long."""
    mine = [(name, one) for name, one in project.surfaces.items() if one.model == release.name]
    if not mine:
        return ()
    name, surface = min(mine, key=lambda pair: pair[1].budget_ms)
    allowed = spec.score_ms or surface.budget_ms / 2
    taken = milliseconds(release, surface.candidates)
    if taken <= allowed:
        return ()
    return (
        f"features and scores of {surface.candidates} candidates take {taken:.1f} ms here, allowed are {allowed:g} ms "
        f"(surface {name})",
    )


def milliseconds(release: Release, candidates: int) -> float:
    """Return the median time of features and scores of one request, by the release's golden rows."""
    block, rows = release.golden()
    places = np.resize(np.arange(len(rows)), candidates)
    asked = Rows(rows.item_rows[places], rows.requests[:1], np.zeros(candidates, np.int64), rows.candidates[places])
    times = []
    for _ in range(_ROUNDS):
        began = perf_counter()
        release.scorer.score(release.evaluator.evaluate(block, asked))
        times.append(perf_counter() - began)
    return 1_000 * float(np.median(times))


def drifted(release: Release, champion: Release) -> dict[str, float]:
    """Return how far each input is from what the champion learnt, 0 to 1; only those that mean the same in both.

    It is the larger of two differences: of the shares of missing values, and the largest between the shares of known
    values up to any bound (Kolmogorov and Smirnov). A few hundred rows differ by that much by chance, and a model that
    was not trained here only shows a few items to prove itself: fewer than 1,000 rows of either are not compared.
    """
    ours, theirs = (_by_column(read_profile(one.folder)) for one in (release, champion))
    meaning = dict(zip(champion.plan.columns, (node.key for node in champion.plan.nodes), strict=True))
    found = {}
    for name, node in zip(release.plan.columns, release.plan.nodes, strict=True):
        if meaning.get(name) == node.key and name in ours and name in theirs:
            missing = abs(ours[name][0] - theirs[name][0])
            found[name] = max(missing, _apart(ours[name][1], theirs[name][1]))
    return found


def _by_column(profile: pa.Table) -> dict[str, tuple[float, Floats]]:
    """Return the share of missing values and the quantiles of the known ones; only of columns with rows enough."""
    rows = profile.filter(pc.greater_equal(profile.column("count"), _ENOUGH)).to_pylist()
    return {row["column"]: (float(row["missing_share"]), np.array(row["quantiles"] or [], float)) for row in rows}


def _apart(ours: Floats, theirs: Floats) -> float:
    """Return the largest difference of two distribution functions, each given by evenly spaced quantiles."""
    if not len(ours) or not len(theirs):
        return 0.0
    bounds = np.union1d(ours, theirs)
    left, right = (np.searchsorted(one, bounds, side="right") / len(one) for one in (ours, theirs))
    return float(np.abs(left - right).max())
