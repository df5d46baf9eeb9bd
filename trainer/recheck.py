"""Features of logged answers computed again, from raw inputs, snapshot and log, against the digests in the log."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from searchrank.errors import DataError, NotFoundError, ReleaseRefusedError
from searchrank.features.snapshot import Snapshot
from searchrank.models import Release, find_release
from searchrank.serving_log import DIGEST_BLOCK, FeaturesDigest
from trainer.extent import seen_of
from trainer.past import Past

if TYPE_CHECKING:
    from searchrank.events import EventLog
    from searchrank.features import FeatureSet
    from searchrank.workspace import Workspace
    from trainer.as_of import AsOf

__all__ = ["Mismatch", "Recheck"]

Ints = npt.NDArray[np.int64]

_OPEN_PASTS: Final = 8
_NAMED: Final = 20
_ORIGIN: Final = ("snapshot_id", "release_name", "release_version", "release_digest")


@dataclass(frozen=True, slots=True)
class Mismatch:
    """An answer whose features come out otherwise now.

    Attributes:
        request_id: Its request.
        release: Name and version of what scored it.
        snapshot_id: What it was read from.
    """

    request_id: str
    release: str
    snapshot_id: str


@dataclass(slots=True, eq=False)
class Recheck:
    """Compares answers with their digests and keeps the count.

    Attributes:
        workspace: Where releases and snapshots are.
        log: The event log.
        as_of: The same by offsets.
        stops: For each snapshot the last offset that an answer from it saw.
        equal: Answers whose features came out the same to the bit.
        different: Answers whose features did not.
        named: The first of those.
        unchecked: Answers that could not be compared, by reason.
    """

    workspace: Workspace
    log: EventLog
    as_of: AsOf
    stops: Mapping[str, int]
    equal: int = 0
    different: int = 0
    named: list[Mismatch] = field(default_factory=list)
    unchecked: Counter[str] = field(default_factory=Counter)
    _releases: dict[tuple[str, int, str], Release | str] = field(default_factory=dict)
    _pasts: dict[tuple[str, int, str], Past | str] = field(default_factory=dict)

    @property
    def requests(self) -> int:
        """Answers that were looked at."""
        return self.equal + self.different + sum(self.unchecked.values())

    def look(self, answers: pa.RecordBatch) -> None:
        """Compare some answers: all columns of the serving log."""
        scored = answers.filter(pc.is_valid(answers.column("features_digest")))
        known = scored.filter(pa.array(~_lost_user(scored)))
        self.unchecked["not all candidates were scored"] += len(answers) - len(scored)
        self.unchecked["the user could not be looked up"] += len(scored) - len(known)
        for (snapshot_id, stop, *identity), rows in self._groups(known).items():
            self._look((snapshot_id, stop), self._release(*identity), known.take(pa.array(rows)))

        self.unchecked = +self.unchecked

    def _groups(self, answers: pa.RecordBatch) -> dict[tuple[Any, ...], list[int]]:
        """Return the rows of answers by snapshot, how far the log is read after it, and release."""
        groups = defaultdict(list)
        reach = self.as_of.stops(seen_of(answers)).tolist()
        for row, (snapshot_id, *identity) in enumerate(zip(*map(answers.column, _ORIGIN), strict=True)):
            stop = min(reach[row], self.stops[snapshot_id.as_py()])
            groups[snapshot_id.as_py(), stop, *(part.as_py() for part in identity)].append(row)
        return groups

    def _look(self, known: tuple[str, int], release: Release | str, answers: pa.RecordBatch) -> None:
        snapshot_id, stop = known
        past = release if isinstance(release, str) else self._past(snapshot_id, stop, release.feature_set)
        if isinstance(past, str) or isinstance(release, str):
            self.unchecked[str(past)] += len(answers)
            return
        wrong = ~_agree(answers, release, past)
        self.equal += int((~wrong).sum())
        self.different += int(wrong.sum())
        for row in np.flatnonzero(wrong)[: _NAMED - len(self.named)].tolist():
            request = answers.column("request_id")[row].as_py()
            self.named.append(Mismatch(request, f"{release.name} version {release.version}", snapshot_id))

    def _release(self, name: str, version: int, digest: str) -> Release | str:
        """Return a release as it served, or why it is not there."""
        key = (name, version, digest)
        if key not in self._releases:
            self._releases[key] = f"release {name} version {version} is gone or another one"
            try:
                found = Release.open(find_release(self.workspace.releases, name, version))
                self._releases[key] = found if found.digest == digest else self._releases[key]
            except (NotFoundError, ReleaseRefusedError):
                pass
        return self._releases[key]

    def _past(self, snapshot_id: str, stop: int, features: FeatureSet) -> Past | str:
        """Return what was known, or why it is not."""
        key = (snapshot_id, stop, features.fingerprint)
        if key not in self._pasts:
            if len(self._pasts) >= _OPEN_PASTS:
                self._pasts.pop(next(iter(self._pasts)))
            try:
                snapshot = Snapshot.open(self.workspace.snapshots / snapshot_id, features)
                self._pasts[key] = Past.open(snapshot, features, self.log, self.as_of, stop)
            except (NotFoundError, DataError):
                self._pasts[key] = f"snapshot {snapshot_id} is gone or holds other inputs"
        return self._pasts[key]


def _lost_user(answers: pa.RecordBatch) -> npt.NDArray[np.bool_]:
    """Return which answers knew nothing of their user because the store did not answer, shape (r,)."""
    parts = answers.column("coverage")
    at = pc.list_parent_indices(parts).to_numpy(zero_copy_only=False)
    lost = np.zeros(len(answers), np.bool_)
    lost[at[pc.equal(parts.flatten().field("stage"), "know").to_numpy(zero_copy_only=False)]] = True
    return lost


def _agree(answers: pa.RecordBatch, release: Release, past: Past) -> npt.NDArray[np.bool_]:
    """Return which answers' features come out as their digest says, shape (r,)."""
    documents, rows = past.rows(answers)
    columns = release.evaluator.evaluate(release.evaluator.derive(documents), rows)
    ends = np.cumsum(pc.list_value_length(answers.column("item_id")).to_numpy(zero_copy_only=False)).tolist()
    equal, start = np.zeros(len(answers), np.bool_), 0
    for row, (end, logged) in enumerate(zip(ends, answers.column("features_digest").to_pylist(), strict=True)):
        # Logs of before items had digests hold that of all columns, as of a plan without item-only ones.
        forms = (release.plan.item_only, ())
        equal[row] = any(_digest(columns[:, start:end], item_only) == logged for item_only in forms)
        start = end
    return equal


def _digest(columns: npt.NDArray[np.float32], item_only: tuple[int, ...]) -> int:
    """Return the digest of an answer's features, shape (f, n)."""
    digest = FeaturesDigest(item_only)
    for first in range(0, columns.shape[1], DIGEST_BLOCK):
        digest.add(columns[:, first : first + DIGEST_BLOCK])
    return digest.value
