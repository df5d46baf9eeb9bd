"""A page that says how good a release is, where, for whom not, and what each of its inputs brings and costs."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from trainer.evaluation.calibration import calibration
from trainer.evaluation.comparison import MODEL
from trainer.evaluation.findings import beside
from trainer.evaluation.metrics import average_precision, gauc, hit_rate, ndcg, precision, recall, reciprocal_rank
from trainer.evaluation.page import Cell, bar, curve, interval, number, page, signed, table
from trainer.evaluation.ranking import Ranking
from trainer.evaluation.requests import requests_of
from trainer.evaluation.significance import Interval, bootstrap
from trainer.evaluation.slices import regressions, worst_in_words
from trainer.evaluation.variety import coverage, diversity

if TYPE_CHECKING:
    from pathlib import Path

    from searchrank.models import Manifest
    from trainer.evaluation.comparison import Details, Evaluation, Rival
    from trainer.evaluation.significance import Difference
    from trainer.evaluation.slices import Slice
    from trainer.evaluation.worth import InputWorth

__all__ = ["Report", "report_of"]

Row = list[Cell | str | float]

_SUFFIX: Final = ".report.html"
_RESAMPLES: Final = 400
_MANY: Final = 5_000  # requests
_REACH: Final = 1.959964  # standard errors of a 95 % interval
_PER_QUERY: Final[Mapping[str, Callable[[Ranking], npt.NDArray[np.float64]]]] = {
    "NDCG@3": partial(ndcg, k=3),
    "NDCG@10": partial(ndcg, k=10),
    "MAP": average_precision,
    "MRR": reciprocal_rank,
    "precision@10": partial(precision, k=10),
    "recall@10": partial(recall, k=10),
    "hit rate@10": partial(hit_rate, k=10),
}


def report_of(folder: Path) -> Path:
    """Return where the page of a release lies: beside its folder."""
    return beside(folder, _SUFFIX)


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """What the page is made from.

    Attributes:
        manifest: Of the release.
        evaluation: What was measured.
        alpha: Of the gate.
        worths: What each input brings and costs.
        titles: What people call an item, by its id, as far as known.
        catalogue: Number of items there are; 0: not known.
        kinds: Category of each row's item, (n,), under the name of what it is: lists of many kinds are diverse.
    """

    manifest: Manifest
    evaluation: Evaluation
    alpha: float
    worths: Sequence[InputWorth] = ()
    titles: Mapping[str, str] = field(default_factory=dict)
    catalogue: int = 0
    kinds: Mapping[str, npt.NDArray[np.int64]] = field(default_factory=dict)

    def write(self, folder: Path) -> Path:
        """Write the page beside a release and return where."""
        path = report_of(folder)
        path.write_text(self.to_html(), encoding="utf-8")
        return path

    def to_html(self) -> str:
        """Write the page."""
        found, one = self.evaluation, self.manifest
        made = f"Made {one.created}, digest {one.digest[:12]}; {one.scorer}, {len(one.columns)} inputs."
        parts = [f'<p class="soft">{html.escape(made)}</p>', f"<p>Measured on {html.escape(found.how)}.</p>"]
        parts += [*_differences(found.differences), *_metrics(found, self.catalogue, self.kinds)]
        if found.rival is not None:
            parts += _slices(found.rival, self.alpha)
        if found.details is not None:
            parts += [*requests_of(found.details, self.titles), *_calibration(found.details)]
        return page(f"{one.name}, version {one.version}", [*parts, *_inputs(self.worths)])


def _differences(found: Mapping[str, Difference]) -> list[str]:
    """Return how much better it is than each other ranking."""
    if not found:
        return []
    reach = max((max(abs(one.low), abs(one.high)) for one in found.values() if one.queries), default=0.0)
    rows: list[Row] = [
        [f"over {name}", signed(one.mean), interval(one.low, one.mean, one.high, reach), _range(one), _p(one.p)]
        for name, one in found.items()
    ]
    return [
        "<h2>Is it better?</h2>",
        '<p class="soft">NDCG@10 of the model less that of each other ranking of the same requests; 95 % bootstrap '
        "intervals over requests, p of the paired randomisation test.</p>",
        table(["", "difference", "", "95 % interval", "p"], rows),
    ]


def _metrics(found: Evaluation, catalogue: int, kinds: Mapping[str, npt.NDArray[np.int64]]) -> list[str]:
    """Return every metric of every ranking, with an interval where it has a value a request."""
    if found.details is None:
        names = list(next(iter(found.metrics.values())))
        plain: list[Row] = [[name, *(of.get(name, math.nan) for of in found.metrics.values())] for name in names]
        return ["<h2>Metrics</h2>", table(["metric", *found.metrics], plain)]
    rankings = found.details.rankings
    rows: list[Row] = [
        [name, *(_with_interval(metric(ranking)) for ranking in rankings.values())]
        for name, metric in _PER_QUERY.items()
    ]
    rows.append(["GAUC", *(gauc(ranking) for ranking in rankings.values())])
    if catalogue:
        ids = found.details.samples.impressions.column("item_id").to_pylist()
        codes = {one: code for code, one in enumerate(dict.fromkeys(ids))}
        items, most = np.array([codes[one] for one in ids], np.int64), max(catalogue, len(codes))
        rows.append(["coverage@10", *(coverage(ranking, items, most, 10) for ranking in rankings.values())])
    for what, kind in kinds.items():
        told = (_with_interval(diversity(ranking, kind, 10)) for ranking in rankings.values())
        rows.append([f"diversity@10 by {what}", *told])
    return [
        "<h2>Metrics</h2>",
        '<p class="soft">Expected values over ties, with 95 % intervals. Coverage: the share of the catalogue that is '
        "among the first ten of some request. Diversity: the share of pairs among them that are of two kinds.</p>",
        table(["metric", *rankings], rows),
    ]


def _slices(rival: Rival, alpha: float) -> list[str]:
    """Return where it was compared with what is live."""
    title = f"<h2>Against version {rival.version}, which was live</h2>"
    if not rival.slices:
        return [title, f"<p>Not compared: {html.escape(rival.problem or 'its rankings were not measured')}.</p>"]
    worse = {one.name for one in regressions(rival.slices, alpha)}
    said = f"worse by more than chance: {', '.join(sorted(worse))}" if worse else "worse by more than chance nowhere"
    ends = [abs(one.difference) + _REACH * one.error for one in rival.slices if one.queries > 1]
    rows = [_slice(one, max(ends, default=0.0), is_worse=one.name in worse) for one in rival.slices]
    columns = [
        "slice",
        "requests",
        "live",
        "this",
        "difference",
        "95 % interval",
        "p of a loss",
        "after Holm",
        "findable loss",
    ]
    return [
        title,
        f'<p class="{"bad" if worse else "good"}">At alpha {alpha:g} over all slices it is {html.escape(said)}.</p>',
        f'<p class="soft">{html.escape(worst_in_words(rival.slices))}.</p>',
        table(columns, rows),
    ]


def _slice(one: Slice, reach: float, *, is_worse: bool) -> Row:
    """Return the row of a slice."""
    name, half = html.escape(one.name), _REACH * one.error
    return [
        Cell(f'<b class="bad">{name}</b>' if is_worse else name, left=True),
        f"{one.queries:,}",
        one.theirs,
        one.ours,
        signed(one.difference),
        interval(one.difference - half, one.difference, one.difference + half, reach),
        _p(one.p),
        _p(one.p_holm),
        one.detectable,
    ]


def _inputs(worths: Sequence[InputWorth]) -> list[str]:
    """Return what each input brings and costs, those first whose absence costs most."""
    if not worths:
        return []
    gain, loss, time = (max(values) for values in zip(*((w.gain, w.loss, w.microseconds) for w in worths), strict=True))
    rows: list[Row] = [
        [
            one.name,
            bar(one.gain, gain, "-" if math.isnan(one.gain) else f"{one.gain:.1%}"),
            bar(one.loss, loss, signed(one.loss)),
            bar(one.microseconds, time, f"{one.microseconds:.1f}"),
        ]
        for one in sorted(worths, key=lambda one: -one.loss)
    ]
    return [
        "<h2>What each input brings and costs</h2>",
        "<p class=\"soft\">Share of the forest's gain; NDCG@10 lost when the input's values are dealt out anew among "
        "the rows; microseconds that it alone takes for one request's candidates, here.</p>",
        table(["input", "gain", "NDCG@10 lost without", "microseconds a request"], rows),
    ]


def _calibration(details: Details) -> list[str]:
    """Return whether scores are probabilities that come true; nothing when they are no probabilities."""
    ranking = details.rankings[MODEL]
    if not ((ranking.scores >= 0) & (ranking.scores <= 1)).all():
        return []
    found = calibration(ranking.scores, ranking.labels)
    said = f"expected calibration error {found.error:.4f}, predicted over observed {number(found.ratio, 3)}"
    return ["<h2>Calibration</h2>", f"<p>{said}.</p>", curve(found.predicted, found.observed, said)]


def _with_interval(values: npt.NDArray[np.float64]) -> Cell:
    """Return a mean with its bootstrap interval; of very many values with that of the normal law, which is the same."""
    known = values[~np.isnan(values)]
    if len(known) > _MANY:
        half = _REACH * float(known.std()) / math.sqrt(len(known))
        found = Interval(float(known.mean()), float(known.mean()) - half, float(known.mean()) + half)
    else:
        found = bootstrap(known, resamples=_RESAMPLES)
    return Cell(f'{number(found.mean)}<br><span class="soft">{_range(found)}</span>')


def _range(one: Interval | Difference) -> str:
    return f"{number(one.low)} to {number(one.high)}"


def _p(value: float) -> str:
    return f"{value:.2g}" if math.isfinite(value) else "-"
