"""Branches that need no index, and ones that fail or hang, for tests and for trying a pipeline out."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np

from recall.branch import Candidates, Query, rank

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recall.branch import Branch

__all__ = ["FailingBranch", "FixedBranch", "HangingBranch"]


class FixedBranch:
    """A branch that always finds the same items, except those the query excludes."""

    waits = False

    def __init__(self, name: str, rows: Sequence[int], scores: Sequence[float] | None = None) -> None:
        """Hold a list.

        Args:
            name: What the branch is called.
            rows: Unique catalogue rows, best first unless scores are given.
            scores: One a row; left out, they count down to 1 so that the order given is kept.
        """
        self._name = name
        self._rows = np.asarray(rows, np.int64)
        self._scores = np.asarray(range(len(rows), 0, -1) if scores is None else scores, np.float32)

    @property
    def name(self) -> str:
        """What the branch is called."""
        return self._name

    def retrieve(self, query: Query, limit: int) -> Candidates:
        """Return the list, cut to the limit and without the excluded rows."""
        return rank(self._rows, self._scores, limit, query)


class FailingBranch:
    """A branch that always raises what it was given."""

    waits = False

    def __init__(self, name: str, error: Exception) -> None:
        """Hold an error.

        Args:
            name: What the branch is called.
            error: What ``retrieve`` raises.
        """
        self._name = name
        self._error = error

    @property
    def name(self) -> str:
        """What the branch is called."""
        return self._name

    def retrieve(self, query: Query, limit: int) -> Candidates:  # noqa: ARG002 - it fails whatever is asked
        """Raise.

        Raises:
            Exception: Always, the one given.
        """
        raise self._error


class HangingBranch:
    """Another branch that answers late, or not before it is let go."""

    waits = True

    def __init__(self, branch: Branch, seconds: float | None = None) -> None:
        """Hold up a branch.

        Args:
            branch: What answers in the end.
            seconds: How late; None: not before ``let_go``.
        """
        self._branch = branch
        self._seconds = seconds
        self._gone = threading.Event()

    @property
    def name(self) -> str:
        """What the branch is called."""
        return self._branch.name

    def let_go(self) -> None:
        """Answer without delay from now on."""
        self._gone.set()

    def retrieve(self, query: Query, limit: int) -> Candidates:
        """Return what the other branch finds, late."""
        self._gone.wait(self._seconds)
        return self._branch.retrieve(query, limit)
