"""The release that is live, measured on the same requests as the one that would replace it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from searchrank.errors import NotFoundError, ReleaseRefusedError
from searchrank.features import Evaluator
from searchrank.models import Ledger, Release
from trainer.collect import collect
from trainer.evaluation.comparison import CHAMPION_RANKING, Rival, against
from trainer.evaluation.members import members_of
from trainer.labelling import Labelling
from trainer.samples import matrix
from trainer.state import open_state, raw_tables

if TYPE_CHECKING:
    from searchrank.features.snapshot import Snapshot
    from searchrank.workspace import Workspace
    from trainer.evaluation.comparison import Evaluation
    from trainer.job import Job
    from trainer.samples import Samples

__all__ = ["Champion", "live_release"]

Floats = npt.NDArray[np.float64]


def live_release(workspace: Workspace, name: str) -> Release | None:
    """Return the champion of a model, proved; None when nothing is live or it cannot be opened here."""
    entry = Ledger(workspace.ledger).live(name)
    if entry is None:
        return None
    try:
        return Release.open(Ledger(workspace.ledger).folder(entry))
    except (ReleaseRefusedError, NotFoundError):
        return None


@dataclass(frozen=True, slots=True, eq=False)
class Champion:
    """What is live, beside the requests that a new release is measured on.

    Attributes:
        release: The champion.
        scores: Its scores of the rows, (n,); None when it could not be asked.
        problem: Why not; empty when it was.
    """

    release: Release
    scores: Floats | None
    problem: str = ""

    @classmethod
    def of(cls, job: Job, chosen: Samples, snapshot: Snapshot, *, but: str = "") -> Champion | None:
        """Score requests as the champion would; None when nothing is live.

        Args:
            job: The model.
            chosen: The requests.
            snapshot: What was known when.
            but: Digest of a release that is not compared with itself.
        """
        release = live_release(job.workspace, job.name)
        if release is None or release.digest == but:
            return None
        if release.feature_set.fingerprint == chosen.feature_set.fingerprint:
            return cls(release, _scores(release, chosen, snapshot))
        if chosen.seen is not None:
            return cls(release, None, "it reads other definitions, which the serving log did not log")
        theirs = _as_read_by(release, job, chosen)
        if theirs is None:
            return cls(release, None, "its definitions make other requests of the log")
        with open_state(job.workspace, release.feature_set, job.log, int(theirs.times[-1])) as state:
            return cls(release, _scores(release, theirs, state))

    def rankings(self) -> dict[str, Floats]:
        """Return its ranking by its name, if it was asked."""
        return {} if self.scores is None else {CHAMPION_RANKING: self.scores}

    def judge(self, job: Job, found: Evaluation, snapshot: Snapshot) -> Evaluation:
        """Compare what was measured with the champion, in every slice.

        Raises:
            DefinitionError: When the expression of a slice is wrong.
            ConfigError: When it is neither true or false nor a category.
        """
        rival = Rival(self.release.digest, self.release.version, problem=self.problem)
        if found.details is None:
            return against(rival, found, {}, job.spec.gate.alpha)
        tables = raw_tables(job.workspace, job.feature_set, job.log)
        members = members_of(job.spec.gate.slices, found.details.samples, snapshot, tables)
        return against(rival, found, members, job.spec.gate.alpha)


def _scores(release: Release, chosen: Samples, snapshot: Snapshot) -> Floats:
    evaluator = Evaluator(release.plan)
    return release.scorer.score(matrix(chosen, snapshot, evaluator, evaluator.derive(chosen.items(snapshot))))


def _as_read_by(release: Release, job: Job, chosen: Samples) -> Samples | None:
    """Return the same requests with the columns that the champion's definitions declare; None when they differ."""
    whole = collect(job.log, release.feature_set, Labelling.of(job.spec)).samples
    wanted = set(chosen.requests.column("request_id").to_pylist())
    theirs = whole.select(np.array([one in wanted for one in whole.requests.column("request_id").to_pylist()]))
    same = theirs.requests.column("request_id").equals(chosen.requests.column("request_id"))
    shown = same and theirs.impressions.column("item_id").equals(chosen.impressions.column("item_id"))
    return theirs if shown else None
