"""What rows look like when a surface serves them, for the release's profile: recall's candidates, or what was shown.

Training learns from what people looked at, serving sees all that recall finds; compared with the former, the latter
would always look strange. So recall answers requests of the log again, as a server would have.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from recall import IndexSources, Query, Reading, RecallConfig
from searchrank.features import Evaluator, Plan, Rows
from searchrank.features.snapshot import fill_candidates
from searchrank.models import Likeness, Traits, evenly, learn
from searchrank.models.profile import RECALLED, SENT
from trainer.recall_order import indexed
from trainer.state import raw_tables, read_events

if TYPE_CHECKING:
    from recall import Recalled, Recaller
    from searchrank.features import FeatureSet
    from searchrank.features.snapshot import Snapshot
    from trainer.job import Job
    from trainer.samples import Samples

__all__ = ["likenesses", "served_likenesses"]

Ints = npt.NDArray[np.int64]

_HOUR_US: Final = 3_600_000_000
_OF_AN_HOUR: Final = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class _Recall:
    """How a surface finds candidates.

    Attributes:
        recaller: Its branches.
        reading: What they read of a request.
        limit: Most candidates of a request.
    """

    recaller: Recaller
    reading: Reading
    limit: int

    def rows(self, samples: Samples, snapshot: Snapshot) -> Rows:
        """Return the candidates that recall finds for every request, some of each, evenly spaced."""
        asked = samples.encode(0, len(samples.sizes), snapshot)
        texts = samples.requests.column("query").to_pylist()
        found: list[Recalled] = []
        for request, (text, time) in enumerate(zip(texts, samples.times.tolist(), strict=True)):
            query = self.reading.fill(Query(text=text or "", time=time), asked.requests[request], snapshot.catalogue)
            recalled = self.recaller.retrieve(query, self.limit).recalled
            found.append(recalled.take(evenly(len(recalled.rows))))
        whose = np.repeat(np.arange(len(found)), [len(one.rows) for one in found])
        rows = np.concatenate([one.rows for one in found])
        candidates = samples.feature_set.candidate_encoder.encode(_said(found, samples.feature_set), len(rows))
        fill_candidates(snapshot, candidates, snapshot.catalogue.hashes[rows], samples.times[whose])
        return Rows(rows, asked.requests, whose, candidates)


def served_likenesses(job: Job, samples: Samples, snapshot: Snapshot, plan: Plan) -> dict[str, Likeness]:
    """Return what rows of a model's surface look like, by how they are found.

    Args:
        job: The model; its surface's recall finds candidates as of the end of the log.
        samples: All that was logged.
        snapshot: What was known when.
        plan: The model's.

    Raises:
        ConfigError: When the surface's recall is wrong.
        DataError: When the catalogue does not hold a text that is indexed.
    """
    if job.surface is None or not job.surface.recall:
        return likenesses(samples, snapshot, plan, None)
    config = RecallConfig.parse(job.surface.recall)
    sources = IndexSources(
        inputs=job.feature_set.inputs,
        items=raw_tables(job.workspace, job.feature_set, job.log)[0],
        events=read_events(job.log),
        catalogue=snapshot.catalogue,
        root=job.workspace.root,
    )
    with indexed(job.workspace, config, sources) as recaller:
        reading = Reading.of(config.branches.values(), job.feature_set.request_layout.names)
        recall = _Recall(recaller=recaller, reading=reading, limit=job.surface.candidates)
        return likenesses(samples, snapshot, plan, recall)


def likenesses(samples: Samples, snapshot: Snapshot, plan: Plan, recalled: _Recall | None) -> dict[str, Likeness]:
    """Return what served rows look like, by how they are found; nothing where too few requests were logged.

    Args:
        samples: All that was logged; as many requests of each hour of the day are looked at.
        snapshot: What was known when.
        plan: The model's.
        recalled: How the surface finds candidates; None: callers send them.
    """
    part = replace(samples.select(_spread(samples.times)), seen=None)
    items = part.items(snapshot)
    sources = {SENT: _shown(part, snapshot)}
    if recalled is not None:
        sources[RECALLED] = recalled.rows(part, snapshot)
    evaluator, traits = Evaluator(plan), Traits(plan)
    block = evaluator.derive(items)
    found = {}
    for source, rows in sources.items():
        measured = traits.measure(items, rows, part.times)
        numbers = np.concatenate([measured.numbers, evaluator.evaluate(block, rows)])
        names = (*traits.numbers, *plan.columns, *traits.categories)
        learnt = learn(names, numbers, measured.categories, rows.request_rows, part.times)
        if learnt is not None:
            found[source] = learnt
    return found


def _spread(times: Ints) -> npt.NDArray[np.bool_]:
    """Choose at most so many requests of each hour of the day, over all days; shape (r,)."""
    hours = times // _HOUR_US % 24
    chosen = np.zeros(len(times), dtype=bool)
    for hour in range(24):
        mine = np.flatnonzero(hours == hour)
        chosen[mine[evenly(len(mine), _OF_AN_HOUR)]] = True
    return chosen


def _shown(samples: Samples, snapshot: Snapshot) -> Rows:
    """Return what was shown, some of each request."""
    starts = samples.starts[:-1]
    places = [start + evenly(size) for start, size in zip(starts.tolist(), samples.sizes.tolist(), strict=True)]
    return samples.encode(0, len(samples.sizes), snapshot).take(np.concatenate(places))


def _said(found: list[Recalled], feature_set: FeatureSet) -> dict[str, Any]:
    """Return what recall says of its candidates, under the names of its inputs."""
    columns: dict[str, Any] = {"recall.score": np.concatenate([one.fused for one in found])}
    for number, branch in enumerate(found[0].branches):
        ranks = np.concatenate([one.ranks[number] for one in found]).astype(np.float64)
        ranks[ranks == 0] = np.nan
        columns[f"recall.{branch}_rank"] = ranks
        columns[f"recall.{branch}_score"] = np.concatenate([one.scores[number] for one in found]).astype(np.float64)
    return {name: values for name, values in columns.items() if name in feature_set.inputs}
