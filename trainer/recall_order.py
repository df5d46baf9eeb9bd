"""The order in which recall alone would show things: the baseline that ranking must beat.

Its indexes are built anew from what was known before the requests it is measured on: neighbours counted from the very
clicks that are to be predicted would make it a fortune-teller.
"""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from recall import IndexSources, Query, Reading, RecallConfig, Recaller, build_indexes
from trainer.state import raw_tables, read_events

if TYPE_CHECKING:
    from collections.abc import Iterator

    from searchrank.events import EventLog
    from searchrank.features.snapshot import Snapshot
    from searchrank.project import Surface
    from searchrank.workspace import Workspace
    from trainer.samples import Samples

__all__ = ["indexed", "recall_order"]

Floats = npt.NDArray[np.float64]


def recall_order(samples: Samples, snapshot: Snapshot, workspace: Workspace, log: EventLog, surface: Surface) -> Floats:
    """Return how early recall would show each impression in its request, shape (n,); what it does not find is last.

    Args:
        samples: Where the impressions are.
        snapshot: What was known when.
        workspace: Holds the raw catalogue.
        log: The event log; events known before the first of the requests count.
        surface: Whose recall.

    Raises:
        ConfigError: When the surface's recall is wrong.
        DataError: When the catalogue does not hold a text that is indexed.
    """
    config = RecallConfig.parse(surface.recall)
    sources = IndexSources(
        inputs=samples.feature_set.inputs,
        items=raw_tables(workspace, samples.feature_set, log)[0],
        events=read_events(log).before(int(samples.times[0])),
        catalogue=snapshot.catalogue,
        root=workspace.root,
    )
    with indexed(workspace, config, sources) as recaller:
        reading = Reading.of(config.branches.values(), samples.feature_set.request_layout.names)
        ranks = [_ranks(samples, snapshot, recaller, part, (reading, surface.candidates)) for part in samples.parts()]
    return -np.concatenate(ranks)


@contextmanager
def indexed(workspace: Workspace, config: RecallConfig, sources: IndexSources) -> Iterator[Recaller]:
    """Build indexes for the length of a ``with`` block.

    Raises:
        DataError: When the catalogue does not hold a text that is indexed.
    """
    with tempfile.TemporaryDirectory(prefix=".recall-", dir=workspace.root) as folder:
        build_indexes(Path(folder), [config], sources)
        yield Recaller.open(Path(folder) / "indexes", config)


def _ranks(
    samples: Samples, snapshot: Snapshot, recaller: Recaller, part: tuple[int, int], how: tuple[Reading, int]
) -> Floats:
    """Return the rank that recall gives each impression of some requests; infinite if it does not find it."""
    reading, limit = how
    rows = samples.encode(*part, snapshot)
    shown = samples.impressions.column("item_id").slice(samples.starts[part[0]], len(rows)).to_pylist()
    items = snapshot.catalogue.rows(shown)
    texts = samples.requests.column("query").slice(part[0], part[1] - part[0]).to_pylist()
    starts = samples.starts[part[0] : part[1] + 1] - samples.starts[part[0]]
    ranks = np.full(len(rows), np.inf)
    place = np.full(len(snapshot.catalogue) + 1, np.inf)
    for i, text in enumerate(texts):
        query = Query(text=text or "", time=int(samples.times[part[0] + i]))
        query = reading.fill(query, rows.requests[i], snapshot.catalogue)
        found = recaller.retrieve(query, limit).recalled.rows
        place[found] = np.arange(len(found))
        mine = slice(starts[i], starts[i + 1])
        ranks[mine] = place[items[mine]]
        place[found] = np.inf
    return ranks
