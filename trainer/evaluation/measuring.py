"""All that is measured of a release before it may be live: on the test part, beside the champion and the baselines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

import numpy as np
import numpy.typing as npt

from searchrank.features import Evaluator, Expression, Kind, Plan
from searchrank.models import Manifest
from searchrank.models.kinds import parse_scorer
from searchrank.models.manifest import MODEL as MODEL_FILE
from trainer.baselines import logged_order, oracle, popularity
from trainer.effort import RankedLists, measure_effort, places
from trainer.evaluation.champion import Champion
from trainer.evaluation.comparison import MODEL, ORACLE, POPULARITY, RECALL_ORDER, Evaluation, compare, unbiased
from trainer.evaluation.findings import Findings
from trainer.evaluation.metrics import mean, ndcg
from trainer.evaluation.ranking import Ranking
from trainer.evaluation.report import Report
from trainer.evaluation.requests import titles_of
from trainer.evaluation.worth import InputWorth, gains, losses, microseconds
from trainer.fit import columns_by_name
from trainer.recall_order import recall_order
from trainer.samples import matrix
from trainer.state import raw_tables

if TYPE_CHECKING:
    from pathlib import Path

    from searchrank.features.snapshot import Snapshot
    from searchrank.models import EffortCurve, Release, Scorer
    from trainer.job import Job
    from trainer.learnt import Learnt
    from trainer.samples import Samples

__all__ = ["Contender", "Measured", "measure"]

_LIGHTGBM: Final = "lightgbm"
_CANDIDATES: Final = 200


@dataclass(frozen=True, slots=True, eq=False)
class Contender:
    """What is measured.

    Attributes:
        plan: Computes its columns.
        scorer: Scores them.
        text: LightGBM's text of its forest; empty of another kind of model.
        digest: Its digest, once it is a release; it is not compared with itself.
    """

    plan: Plan
    scorer: Scorer
    text: str
    digest: str = ""

    @classmethod
    def learnt(cls, plan: Plan, model: Learnt) -> Self:
        """Return what a model that was just trained is measured by: what will serve."""
        text = str(model.content) if model.scorer == _LIGHTGBM else ""
        return cls(plan, parse_scorer(model.scorer, model.content, plan.columns), text)

    @classmethod
    def of(cls, release: Release) -> Self:
        """Return what a release is measured by."""
        is_forest = release.manifest.scorer == _LIGHTGBM
        text = (release.folder / MODEL_FILE).read_text(encoding="utf-8") if is_forest else ""
        return cls(release.plan, release.scorer, text, release.digest)


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """What was measured.

    Attributes:
        evaluation: How it compares.
        effort: What less work costs; None for what can do no less.
        worths: What each input brings and costs.
        kinds: Category of each row's item by which lists are called diverse, (n,), under its name; empty: not known.
    """

    evaluation: Evaluation
    effort: EffortCurve | None
    worths: tuple[InputWorth, ...] = ()
    kinds: Mapping[str, npt.NDArray[np.int64]] = field(default_factory=dict)

    def keep(self, job: Job, folder: Path) -> Manifest:
        """Keep it beside the release, for the gate and as a page for people; return the release's manifest."""
        manifest, found = Manifest.read(folder), self.evaluation
        Findings.of(manifest.digest, found, found.metrics[MODEL]).write(folder)
        items = raw_tables(job.workspace, job.feature_set, job.log)[0]
        titles = titles_of(items, job.surface.title if job.surface is not None else "")
        Report(manifest, found, job.spec.gate.alpha, self.worths, titles, len(items), self.kinds).write(folder)
        return manifest


def measure(job: Job, snapshot: Snapshot, test: Samples, contender: Contender) -> Measured:
    """Compare with the champion, the baselines and, in a simulated world, the truth; with less work and fewer inputs.

    Args:
        job: The workspace and model.
        snapshot: What was known when.
        test: The requests; those without anything relevant are left out.
        contender: What is measured.

    Raises:
        DataError: When no request has anything relevant.
        DefinitionError: When the expression of a slice is wrong.
        ConfigError: When it is neither true or false nor a category.
    """
    chosen, exploration = unbiased(test)
    evaluator = Evaluator(contender.plan)
    columns = matrix(chosen, snapshot, evaluator, evaluator.derive(chosen.items(snapshot)))
    rankings: dict[str, npt.NDArray[np.float64]] = {
        MODEL: contender.scorer.score(columns),
        POPULARITY: popularity(chosen, snapshot, job.spec),
        RECALL_ORDER: logged_order(chosen)
        if job.surface is None or not job.surface.recall
        else recall_order(chosen, snapshot, job.workspace, job.log, job.surface),
    }
    champion = Champion.of(job, chosen, snapshot, but=contender.digest)
    rankings |= champion.rankings() if champion is not None else {}
    truth = oracle(chosen, job.workspace.root)
    if truth is not None:
        rankings[ORACLE] = truth
    lists = RankedLists(columns, places(rankings[RECALL_ORDER], chosen.sizes), chosen.sizes)
    effort = measure_effort(
        contender.scorer, lists, lambda s: mean(ndcg(Ranking.of(s, chosen.labels, chosen.sizes), 10))
    )
    found = compare(chosen, rankings, exploration=exploration)
    judged = found if champion is None else champion.judge(job, found, snapshot)
    times = microseconds(contender.plan, chosen, snapshot, _candidates(job))
    return Measured(judged, effort, _worths(contender, columns, chosen, times), _kinds(job, chosen, snapshot))


def _kinds(job: Job, chosen: Samples, snapshot: Snapshot) -> dict[str, npt.NDArray[np.int64]]:
    """Return the first category of items that the surface's diversity or a slice names."""
    rerank = job.surface.rerank if job.surface is not None else None
    over = [rerank.diversity.over] if rerank is not None and rerank.diversity is not None else []
    for text in (*over, *job.spec.gate.slices.values()):
        parsed = Expression.parse(text, chosen.feature_set)
        if parsed.kind is Kind.CATEGORY and parsed.is_of_item:
            plan = Plan.of_nodes(chosen.feature_set, {text: parsed.node})
            return columns_by_name(chosen, snapshot, plan)
    return {}


def _candidates(job: Job) -> int:
    return job.surface.candidates if job.surface is not None else _CANDIDATES


def _worths(
    contender: Contender, columns: npt.NDArray[np.float32], chosen: Samples, times: npt.NDArray[np.float64]
) -> tuple[InputWorth, ...]:
    """Put what each input brings beside what it costs."""
    brings = losses(contender.scorer, columns, chosen.labels, chosen.sizes)
    shares = gains(contender.text) if contender.text else np.full(len(times), np.nan)
    return tuple(map(InputWorth, contender.plan.columns, shares.tolist(), brings.tolist(), times.tolist()))
