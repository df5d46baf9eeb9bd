"""Training on a log that does not say what was shown: cut it, learn from earlier cuts, judge by the last one."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from recall import refresh_workspace
from searchrank.errors import ConfigError, DataError
from searchrank.events import EventLog, schema
from searchrank.models import write_release
from searchrank.project import Project
from searchrank.workspace import Workspace
from trainer.baselines import popularity_statistic
from trainer.evaluation.champion import live_release
from trainer.evaluation.comparison import CHAMPION_RANKING, MODEL, POPULARITY, RECALL_ORDER, Evaluation, Rival
from trainer.evaluation.measuring import Contender, Measured
from trainer.evaluation.members import members_of
from trainer.job import Job, Trial
from trainer.learnt import with_parameters
from trainer.levels.cut import Cut, cut
from trainer.levels.fitting import ReleaseFacts, columns_of, fit_levels, release_draft
from trainer.levels.judging import Against, effort_of, judge
from trainer.levels.level import Level, Lists
from trainer.levels.measure import ranked
from trainer.state import raw_tables

if TYPE_CHECKING:
    from searchrank.features import Plan
    from searchrank.models import Release, Scorer
    from trainer.levels.level import Ints

__all__ = ["evaluate_held_out", "train_held_out"]

Progress = Callable[[str], Callable[[int, int], None]]

_INNER: Final = 2
_LISTED: Final = 100
_APPENDED: Final = 1 << 17


def train_held_out(
    job: Job, *, parameters: Mapping[str, object] | None = None, progress: Progress | None = None
) -> Trial:
    """Train on what people chose last, held out of what was known of them, and write a release.

    Args:
        job: What to train; one of its surfaces must have recall, whose lists are ranked.
        parameters: LightGBM parameters over the specification's.
        progress: Begins a named step and gives what to call with (done, of).

    Raises:
        ConfigError: When no surface with recall is served by the model, or the parameters are wrong.
        DataError: When the log does not hold enough to learn from and judge by.
    """
    begin = progress or (lambda _name: lambda _done, _of: None)
    spec = with_parameters(job.spec, parameters)
    wanted = [kind for kind, grade in job.spec.labels.items() if grade > 0]
    begin("holding out what people chose last")
    outer = cut(job.log.table(), wanted)
    with ExitStack() as stack:
        levels, part = [], outer
        for number in range(1, _INNER + 1):
            begin(f"indexing earlier cut {number}")
            earlier = _earlier(part, wanted, required=number == 1)
            if earlier is None:
                break
            part = earlier
            levels.append(stack.enter_context(_level(job, part)))
        fitted = fit_levels(spec, levels, begin)
        begin("indexing the last cut")
        level = stack.enter_context(_level(job, outer))
        lists = level.lists(level.surface.candidates)
        begin("evaluating")
        contender = Contender.learnt(fitted.plan, fitted.model)
        evaluation = _judged(job, level, lists, contender)
        begin("writing the release")
        items, users = raw_tables(job.workspace, job.feature_set, job.log)
        data = f"{outer.known.num_rows} events before everybody's last items"
        facts = ReleaseFacts(items=items, users=users, data=data, metrics=evaluation.metrics[MODEL])
        effort = effort_of(contender.scorer, lists, columns_of(level, lists, fitted.plan))
        folder = write_release(
            job.workspace.releases, replace(release_draft(job.name, fitted, level, lists, facts), effort=effort)
        )
    return Trial(
        folder=folder,
        manifest=Measured(evaluation, effort, ()).keep(job, folder),
        evaluation=evaluation,
        rows=fitted.rows,
        trees=fitted.model.trees,
        parameters=fitted.model.parameters,
    )


def evaluate_held_out(job: Job, release: Release) -> Evaluation:
    """Measure a release by what people chose last and keep beside it how it compares with what is live.

    Raises:
        ConfigError: When no surface with recall is served by the model.
        DataError: When the log does not hold enough to judge by.
    """
    outer = cut(job.log.table(), [kind for kind, grade in job.spec.labels.items() if grade > 0])
    with _level(job, outer) as level:
        contender = Contender.of(release)
        found = _judged(job, level, level.lists(level.surface.candidates), contender)
    if found.rival is not None:
        Measured(found, None, ()).keep(job, release.folder)
    return found


def _earlier(part: Cut, wanted: list[str], *, required: bool) -> Cut | None:
    """Cut what is known once more; None when that leaves nobody and is not required.

    Raises:
        DataError: When it is.
    """
    try:
        return cut(part.known, wanted)
    except DataError as error:
        if required:
            raise DataError(f"too few events to learn from: {error}") from None
        return None


@contextmanager
def _level(job: Job, part: Cut) -> Iterator[Level]:
    """Give the state at a cut, in a workspace of its own that is removed afterwards."""
    surface = _surface(job)
    with tempfile.TemporaryDirectory(prefix=".training-", dir=job.workspace.root) as folder:
        target = Workspace(Path(folder))
        for path in (job.workspace.project, job.workspace.features):
            shutil.copyfile(path, target.root / path.name)
        target.items.parent.symlink_to(job.workspace.items.parent.resolve())
        with EventLog.open(target.events, writable=True, schema=schema(job.feature_set)) as log:
            for batch in part.known.to_batches(max_chunksize=_APPENDED):
                log.append(batch)
        refresh_workspace(target)
        yield replace(Level.open(target, surface, part.held_out), feature_set=job.feature_set)


def _surface(job: Job) -> str:
    """Return the name of a surface whose recall finds what is to be ranked.

    Raises:
        ConfigError: When there is none.
    """
    surfaces = Project.load(job.workspace).surfaces
    found = next((name for name, one in surfaces.items() if one.model == job.name and one.recall), None)
    if found is None:
        raise ConfigError(
            f"no surface of model {job.name!r} has recall:, whose lists samples: held_out learns from", field="samples"
        )
    return found


def _judged(job: Job, level: Level, lists: Lists, contender: Contender) -> Evaluation:
    """Compare a plan and scorer with what is live, with popularity and with the order of recall."""
    sizes = lists.samples.sizes

    def by(plan: Plan, scorer: Scorer) -> list[Ints]:
        return ranked(lists.rows, scorer.score(columns_of(level, lists, plan)), sizes)

    rankings = {
        MODEL: by(contender.plan, contender.scorer),
        POPULARITY: level.most_popular(popularity_statistic(job.feature_set, job.spec), _LISTED),
        RECALL_ORDER: ranked(lists.rows, np.zeros(len(lists.rows)), sizes),
    }
    live = live_release(job.workspace, job.name)
    if live is None or live.digest == contender.digest:
        return judge(rankings, lists.positives)
    if live.feature_set.fingerprint != level.feature_set.fingerprint:
        rival = Rival(live.digest, live.version, problem="it reads other definitions than the lists were made with")
        return judge(rankings, lists.positives, Against(rival, {}, job.spec.gate.alpha))
    rankings[CHAMPION_RANKING] = by(live.plan, live.scorer)
    tables = raw_tables(job.workspace, job.feature_set, job.log)
    members = members_of(job.spec.gate.slices, lists.samples, level.snapshot, tables)
    return judge(rankings, lists.positives, Against(Rival(live.digest, live.version), members, job.spec.gate.alpha))
