"""What is known at a cut, and what recall then finds for everybody: rows to learn from or to be judged by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from examples.movies.split import LIKED
from examples.movies.write import write_movies
from recall import Query, Recaller, index_workspace, recall_configs
from searchrank.features import FeatureSet, hash_text
from searchrank.features.history import query_hash
from searchrank.features.snapshot import Snapshot, current, fill_requests
from searchrank.project import Project
from trainer.samples import Samples

if TYPE_CHECKING:
    from examples.movies.read import Movies
    from examples.movies.split import Split
    from recall import Recalled
    from searchrank.project import Surface
    from searchrank.workspace import Workspace

__all__ = ["RATED", "SURFACE", "Level", "Lists"]

Ints = npt.NDArray[np.int64]

SURFACE: Final = "movies"
RECENT: Final = "user.recent_likes"
RATED: Final = "user.rated"


@dataclass(frozen=True, slots=True, eq=False)
class Lists:
    """What recall finds for each user of a split.

    Attributes:
        samples: One request a user, its candidates in the order of recall; label 1 for a held-out like.
        rows: (n,) catalogue row of each candidate.
        positives: For each user the catalogue rows of all held-out likes, found by recall or not.
    """

    samples: Samples
    rows: Ints
    positives: tuple[Ints, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """The state at a cut: statistics and indexes made from the known ratings alone.

    Attributes:
        feature_set: The definitions.
        surface: Whose recall is asked.
        snapshot: Catalogue and statistics.
        recaller: The indexes.
        split: What is known and what is held out.
    """

    feature_set: FeatureSet
    surface: Surface
    snapshot: Snapshot
    recaller: Recaller
    split: Split

    @classmethod
    def make(cls, workspace: Workspace, movies: Movies, split: Split) -> Level:
        """Write the known part of a split into an empty workspace, index it, and open it.

        Raises:
            ConflictError: When the workspace has events already.
        """
        write_movies(workspace, movies, split.train, split.known(movies.tags), lambda _what, _share: None)
        index_workspace(workspace)
        return cls.open(workspace, split)

    @classmethod
    def open(cls, workspace: Workspace, split: Split) -> Level:
        """Open what ``make`` left in a workspace.

        Raises:
            NotFoundError: When there is no snapshot.
        """
        project, feature_set = Project.load(workspace), FeatureSet.load(workspace.features)
        snapshot = Snapshot.open(current(workspace.snapshots), feature_set)
        recaller = Recaller.open(snapshot.indexes, recall_configs(project)[SURFACE])
        return cls(feature_set, project.surface(SURFACE), snapshot, recaller, split)

    def lists(self, most: int) -> Lists:
        """Return what recall finds for everybody in ``split.users`` among the movies they have not rated.

        Args:
            most: Candidates for each.
        """
        ids = [str(user) for user in self.split.users.tolist()]
        records = self._records(ids)
        found = [self._recall(records[i], most) for i in range(len(ids))]
        positives = self._positives()
        rows = np.concatenate([one.rows for one in found])
        labels = [np.isin(one.rows, likes) for one, likes in zip(found, positives, strict=True)]
        samples = Samples(
            feature_set=self.feature_set,
            requests=_requests(ids),
            impressions=self._impressions(found, rows),
            times=np.full(len(ids), self.snapshot.manifest.as_of),
            sizes=np.array([len(one) for one in found]),
            positions=np.full(len(rows), -1),
            labels=np.concatenate(labels).astype(np.float32),
        )
        return Lists(samples, rows, positives)

    def most_popular(self, most: int) -> list[Ints]:
        """Return for everybody the movies with most likes that they have not rated, best first, at most so many."""
        hashes = self.snapshot.catalogue.hashes
        counted = self.snapshot.history.items(hashes, np.full(len(hashes), self.snapshot.manifest.as_of))
        best = np.argsort(-counted["item.likes"], kind="stable")
        records = self._records([str(user) for user in self.split.users.tolist()])
        rated = [self._listed(record, RATED) for record in records]
        return [best[: most + len(known)][~np.isin(best[: most + len(known)], known)][:most] for known in rated]

    def _records(self, ids: list[str]) -> npt.NDArray[np.void]:
        """Return what the snapshot knows of users, as a request made at the cut would read it."""
        records = self.feature_set.request_encoder.missing(len(ids))
        users = np.array([hash_text(user) for user in ids], np.int64)
        queries, times = np.full(len(ids), query_hash(None)), np.full(len(ids), self.snapshot.manifest.as_of)
        fill_requests(self.snapshot, records, users, queries, times)
        return records

    def _recall(self, record: Any, most: int) -> Recalled:
        recent, rated = self._listed(record, RECENT), self._listed(record, RATED)
        query = Query(recent=recent, exclude=rated, time=self.snapshot.manifest.as_of)
        return self.recaller.retrieve(query, most).recalled

    def _listed(self, record: Any, name: str) -> Ints:
        """Return the catalogue rows of a list of items."""
        cell = record[name]
        hashes = np.ascontiguousarray(cell["values"][: max(0, int(cell["count"]))])
        return self.snapshot.catalogue.rows_of_hashes(hashes)

    def _positives(self) -> tuple[Ints, ...]:
        held = self.split.held_out.take(self.split.held_out.stars >= LIKED)
        rows = self.snapshot.catalogue.rows([str(movie) for movie in held.movie.tolist()])
        order = np.argsort(held.user, kind="stable")
        starts = np.searchsorted(held.user[order], self.split.users)
        return tuple(np.split(rows[order], starts[1:])) if len(starts) else ()

    def _impressions(self, found: list[Recalled], rows: Ints) -> pa.Table:
        """Return the candidates with what recall says of each, under the names of its inputs."""
        columns = {"item_id": self.snapshot.catalogue.ids.take(pa.array(rows))}
        for number, branch in enumerate(self.recaller.branches):
            ranks = np.concatenate([one.ranks[number] for one in found]).astype(np.float64)
            scores = np.concatenate([one.scores[number] for one in found]).astype(np.float64)
            ranks[ranks == 0] = np.nan
            columns |= {f"recall.{branch}_rank": pa.array(ranks), f"recall.{branch}_score": pa.array(scores)}
        known = self.feature_set.inputs
        return pa.table({name: column for name, column in columns.items() if name == "item_id" or name in known})


def _requests(ids: list[str]) -> pa.Table:
    count = len(ids)
    return pa.table(
        {
            "request_id": ids,
            "user_id": ids,
            "query": pa.nulls(count, pa.string()),
            "surface": pa.array([SURFACE] * count),
        }
    )
