"""Samples from the serving log as a sentence: read what was returned, prove its features, label it, see as was seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trainer.as_of import AsOf
from trainer.extent import Extent
from trainer.recheck import Recheck
from trainer.seeing import LookBack
from trainer.served import collect_served, read_returned

if TYPE_CHECKING:
    from searchrank.features.snapshot import Snapshot
    from searchrank.serving_log import ServingLog
    from trainer.collect import Collected
    from trainer.job import Job
    from trainer.labelling import Labelling
    from trainer.samples import Samples

__all__ = ["FromLog", "from_log"]

Progress = Callable[[str], Callable[[int, int], None]]


@dataclass(slots=True, eq=False, kw_only=True)
class FromLog:
    """What a serving log gave.

    Attributes:
        collected: Samples, encoded by what is known now.
        look_back: Sees them as the server did.
        requests: Answers in the log, further pages not counted.
        left_out: Answers left out of the samples, by reason.
        unseen: Returned items that nobody looked at, by the impressions of their request.
        recheck: What became of the digests.
        torn: Files whose last bytes are no whole batch.
        of_now: Requests whose items and users were read as they are now; counted by ``seen``.
    """

    collected: Collected
    look_back: LookBack
    requests: int
    left_out: Mapping[str, int]
    unseen: int
    recheck: Recheck
    torn: int
    of_now: int = 0

    def seen(self, present: Snapshot) -> Samples:
        """Return the samples, encoded as the server saw them; ``present`` is what is known now."""
        samples, self.of_now = self.look_back.seen(self.collected.samples, present)
        return samples

    def figures(self) -> dict[str, Any]:
        """Return what to report."""
        check = self.recheck
        return {
            "requests": self.requests,
            "recomputed_equal": check.equal,
            "recomputed_different": check.different,
            "mismatches": [
                {"request_id": one.request_id, "release": one.release, "snapshot": one.snapshot_id}
                for one in check.named
            ],
            "unchecked": dict(check.unchecked),
            "left_out": dict(self.left_out),
            "unseen": self.unseen,
            "of_now": self.of_now,
            "torn_files": self.torn,
        }

    def words(self) -> Iterator[str]:
        """Yield the same in words, a line each."""
        check = self.recheck
        yield f"{check.equal:,} of {self.requests:,} answers: features recomputed, equal to the bit"
        if check.different:
            yield f"{check.different:,} answers: features recomputed, DIFFERENT"
        for one in check.named:
            yield f"  request {one.request_id}, release {one.release}, snapshot {one.snapshot_id}"
        for reason, count in check.unchecked.items():
            yield f"{count:,} answers: features not recomputed, {reason}"
        for reason, count in self.left_out.items():
            yield f"{count:,} answers: left out, {reason}"
        if self.unseen:
            yield f"{self.unseen:,} items: left out, returned but not looked at"
        if self.of_now:
            yield f"{self.of_now:,} requests: items and users read as they are now, their snapshots are gone or older"
        if self.torn:
            yield f"{self.torn:,} files of the serving log end in the middle of a batch"


def from_log(job: Job, log: ServingLog, labelling: Labelling, progress: Progress) -> FromLog:
    """Return what the surfaces of a model returned, labelled; every answer's features are recomputed on the way.

    Args:
        job: What is to be trained.
        log: The serving log.
        labelling: How events become grades.
        progress: Begins a named step and gives what to call with (done, of).

    Raises:
        DataError: When nothing was returned, nobody looked at anything, or the event log is another one.
    """
    as_of = AsOf.read(job.log)
    extent = Extent.of(log)
    recheck = Recheck(job.workspace, job.log, as_of, extent.stops)
    told = progress("recomputing features")

    def look(answers: Any) -> None:
        recheck.look(answers)
        told(recheck.requests, extent.answers)

    returned = read_returned(log, extent, job.feature_set, surfaces=job.surfaces, look=look)
    progress("joining events")
    collected, unseen = collect_served(returned, job.log, job.feature_set, labelling)
    return FromLog(
        collected=collected,
        look_back=LookBack(job.workspace, job.log, as_of, extent.stops),
        requests=extent.answers,
        left_out=returned.left_out,
        unseen=unseen,
        recheck=recheck,
        torn=len(log.torn),
    )
