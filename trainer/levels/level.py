"""What is known at a cut, and what recall then finds for everybody: rows to learn from or to be judged by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from recall import Query, Reading, Recaller, recall_configs
from searchrank.features import FeatureSet, hash_text
from searchrank.features.history import query_hash
from searchrank.features.snapshot import Snapshot, current, fill_requests
from searchrank.project import Project
from trainer.samples import Samples

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recall import Recalled
    from searchrank.project import Surface
    from searchrank.workspace import Workspace
    from trainer.levels.held_out import HeldOut

__all__ = ["Level", "Lists"]

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Lists:
    """What recall finds for each user of a level.

    Attributes:
        samples: One request a user, its candidates in the order of recall; label 1 for a held-out item that was wanted.
        rows: (n,) catalogue row of each candidate.
        positives: For each user the catalogue rows of all that was wanted, found by recall or not.
    """

    samples: Samples
    rows: Ints
    positives: tuple[Ints, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """The state at a cut: statistics and indexes made from what is known there alone.

    Attributes:
        feature_set: The definitions.
        name: Name of the surface.
        surface: Whose recall is asked.
        snapshot: Catalogue and statistics.
        recaller: The indexes.
        reading: What recall reads of a request.
        held_out: What is held out.
    """

    feature_set: FeatureSet
    name: str
    surface: Surface
    snapshot: Snapshot
    recaller: Recaller
    reading: Reading
    held_out: HeldOut

    @classmethod
    def open(cls, workspace: Workspace, surface: str, held_out: HeldOut) -> Level:
        """Open a workspace that holds and has indexed what is known at the cut.

        Raises:
            NotFoundError: When there is no snapshot or no such surface.
            ConfigError: When the surface's recall is wrong.
        """
        project, feature_set = Project.load(workspace), FeatureSet.load(workspace.features)
        found, config = project.surface(surface), recall_configs(project)[surface]
        snapshot = Snapshot.open(current(workspace.snapshots), feature_set)
        recaller = Recaller.open(snapshot.indexes, config)
        reading = Reading.of(config.branches.values(), feature_set.request_layout.names)
        return cls(feature_set, surface, found, snapshot, recaller, reading, held_out)

    def lists(self, most: int) -> Lists:
        """Return what recall finds for everybody among the items that they have not dealt with.

        Args:
            most: Candidates for each.
        """
        found, positives = self.recalled(most), self.positives()
        rows = np.concatenate([one.rows for one in found])
        labels = [np.isin(one.rows, wanted) for one, wanted in zip(found, positives, strict=True)]
        samples = Samples(
            feature_set=self.feature_set,
            requests=self._requests(),
            impressions=self._impressions(found, rows),
            times=np.full(len(found), self.snapshot.manifest.as_of),
            sizes=np.array([len(one) for one in found]),
            positions=np.full(len(rows), -1),
            labels=np.concatenate(labels).astype(np.float32),
        )
        return Lists(samples, rows, positives)

    def recalled(self, most: int) -> list[Recalled]:
        """Return for everybody what recall finds among the items that they have not dealt with, at most so many."""
        records = self._records()
        known = [self._rows(items) for items in self.held_out.known]
        return [self._recall(records[i], known[i], most) for i in range(len(known))]

    def positives(self) -> tuple[Ints, ...]:
        """Return for everybody the catalogue rows of all that was wanted."""
        return tuple(self._rows(items) for items in self.held_out.wanted)

    def most_popular(self, statistic: str, most: int) -> list[Ints]:
        """Return for everybody the items with most of a statistic that they have not dealt with, at most so many.

        Args:
            statistic: An input counted from the events of items.
            most: Items for each.
        """
        hashes = self.snapshot.catalogue.hashes
        counted = self.snapshot.history.items(hashes, np.full(len(hashes), self.snapshot.manifest.as_of))
        best = np.argsort(-counted[statistic], kind="stable")
        known = [self._rows(items) for items in self.held_out.known]
        return [best[: most + len(rows)][~np.isin(best[: most + len(rows)], rows)][:most] for rows in known]

    def _records(self) -> npt.NDArray[np.void]:
        """Return what the snapshot knows of users, as a request made at the cut would read it."""
        ids = self.held_out.users
        records = self.feature_set.request_encoder.missing(len(ids))
        users = np.array([hash_text(user) for user in ids], np.int64)
        queries, times = np.full(len(ids), query_hash(None)), np.full(len(ids), self.snapshot.manifest.as_of)
        fill_requests(self.snapshot, records, users, queries, times)
        return records

    def _recall(self, record: Any, known: Ints, most: int) -> Recalled:
        catalogue = self.snapshot.catalogue
        query = Query(exclude=known[known < len(catalogue)], time=self.snapshot.manifest.as_of)
        query = self.reading.fill(query, record, catalogue)
        return self.recaller.retrieve(query, most).recalled

    def _rows(self, ids: Sequence[str]) -> Ints:
        """Return the catalogue rows of items; one that the catalogue does not have is one row of its own."""
        return self.snapshot.catalogue.rows(list(ids))

    def _impressions(self, found: list[Recalled], rows: Ints) -> pa.Table:
        """Return the candidates with what recall says of each, under the names of its inputs."""
        fused = np.concatenate([one.fused for one in found]).astype(np.float64)
        columns = {"item_id": self.snapshot.catalogue.ids.take(pa.array(rows)), "recall.score": pa.array(fused)}
        for number, branch in enumerate(self.recaller.branches):
            ranks = np.concatenate([one.ranks[number] for one in found]).astype(np.float64)
            scores = np.concatenate([one.scores[number] for one in found]).astype(np.float64)
            ranks[ranks == 0] = np.nan
            columns |= {f"recall.{branch}_rank": pa.array(ranks), f"recall.{branch}_score": pa.array(scores)}
        known = self.feature_set.inputs
        return pa.table({name: column for name, column in columns.items() if name == "item_id" or name in known})

    def _requests(self) -> pa.Table:
        ids = list(self.held_out.users)
        nothing = pa.nulls(len(ids), pa.string())
        return pa.table(
            {"request_id": ids, "user_id": ids, "query": nothing, "surface": pa.array([self.name] * len(ids))}
        )
