"""One answer as the serving log has it, and the request that it becomes again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from predictor.requests import Candidates, Question
from searchrank.serving_log import is_page

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from predictor.requests import Schema

__all__ = ["Logged", "logged_answers"]

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Logged:
    """One answer.

    Attributes:
        row: One row, all columns of the serving log.
        page: Whether it is a further page of an earlier answer.
    """

    row: pa.RecordBatch
    page: bool

    def value(self, name: str) -> Any:
        """Return what a column says; None for null."""
        return self.row.column(name)[0].as_py()

    def values(self, name: str) -> npt.NDArray[Any]:
        """Return the values of a list of numbers, one a candidate."""
        values: npt.NDArray[Any] = self.row.column(name)[0].values.to_numpy(zero_copy_only=False)
        return values

    @property
    def request_id(self) -> str:
        """Name of the request."""
        return str(self.value("request_id"))

    @property
    def surface(self) -> str:
        """Name of the surface."""
        return str(self.value("surface"))

    @property
    def release(self) -> tuple[str, int, str]:
        """Name, version and digest of what scored."""
        name, version, digest = map(self.value, ("release_name", "release_version", "release_digest"))
        return name, version, digest

    @property
    def snapshot_id(self) -> str:
        """What was read."""
        return str(self.value("snapshot_id"))

    @property
    def offset(self) -> int:
        """Events before it were known."""
        return int(self.value("offset"))

    @property
    def user_offset(self) -> int:
        """The same for events of users."""
        known = self.value("user_offset")
        return self.offset if known is None else int(known)

    @property
    def answered_at(self) -> datetime:
        """The clock when the answer was made."""
        moment: datetime = self.value("answered_at")
        return moment

    @property
    def left_out(self) -> list[tuple[str, str, str]]:
        """Stage, subject and reason of what was left out."""
        return [(part["stage"], part["subject"], part["reason"]) for part in self.value("coverage") or ()]

    @property
    def ids(self) -> list[str]:
        """Ids of the candidates."""
        found: list[str] = self.value("item_id") or []
        return found

    @property
    def shown(self) -> Ints:
        """Positions of the returned candidates among all, best first."""
        places = self.values("position")
        there = np.flatnonzero(places >= 0)
        return there[np.argsort(places[there], kind="stable")]

    @property
    def problem(self) -> str:
        """Why nothing was known of the user; empty when it was."""
        return next((reason for stage, _, reason in self.left_out if stage == "know"), "")

    @property
    def scored(self) -> int:
        """How many of the candidates, the first so many, were scored."""
        scores = self.values("score")
        limit = self.value("effort_candidates") or len(scores)
        if not any(stage == "score" for stage, _, _ in self.left_out):
            return min(int(limit), len(scores))
        known = np.flatnonzero(~np.isnan(scores))
        return int(known[-1]) + 1 if len(known) else 0

    def question(self, schema: Schema) -> Question:
        """Return who asked what, where and when, from what was sent."""
        return Question(
            surface=self.surface,
            request_id=self.request_id,
            user_id=self.value("user_id") or "",
            session_id=self.value("session_id") or "",
            query=self.value("query") or "",
            time_us=self.row.column("request_time").cast(pa.int64())[0].as_py(),
            context={name: self.row.column(name) for name in schema.context if self._sent(name)},
            limit=len(self.shown),
            filter=self.value("filter") or "",
            sort=tuple((key["expression"], key["descending"]) for key in self.value("sort") or ()),
        )

    def candidates(self, schema: Schema) -> Candidates:
        """Return the candidates, with the columns that came with them."""
        columns = {name: self.row.column(name)[0].values for name in schema.candidate if self._sent(name)}
        return Candidates(ids=self.ids, columns=columns)

    def _sent(self, name: str) -> bool:
        return name in self.row.schema.names and not self.row.column(name).null_count


def logged_answers(answers: pa.RecordBatch) -> Iterator[Logged]:
    """Yield the answers of a batch that holds all columns of the serving log."""
    for number, page in enumerate(is_page(answers).tolist()):
        yield Logged(answers.slice(number, 1), page)
