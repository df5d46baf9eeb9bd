"""One surface's recall: every branch is asked, a failed or late one is named, the lists are fused.

Branches that only read memory run one after the other; one that may wait runs beside them, see ``recall.bounded``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from recall.bounded import BoundedBranch, Given, ask, collect
from recall.branch import Branch, Query
from recall.coverage import BranchCoverage, with_unique
from recall.fusion.config import FusionConfig
from recall.fusion.fusing import Recalled, fuse_union
from recall.fusion.union import Union
from recall.indexes.manifest import index_name
from recall.kinds import kind_of
from searchrank.errors import ConfigError, DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from recall.config import RecallConfig

__all__ = ["Recaller", "Retrieval"]

MAX_QUOTA: Final = 10_000


@dataclass(frozen=True, slots=True)
class Retrieval:
    """What was recalled, and what became of each branch.

    Attributes:
        recalled: The fused list; a branch that failed stands in it with nothing found.
        coverage: One entry a branch, in the order of ``recalled.branches``.
        exhausted: Whether no branch has more than it gave.
        duplicates: Finds of items that another branch had found too.
        cut: Items beyond the limit.
    """

    recalled: Recalled
    coverage: tuple[BranchCoverage, ...]
    exhausted: bool = False
    duplicates: int = 0
    cut: int = 0

    @property
    def dropped(self) -> tuple[str, ...]:
        """Names of the branches that failed or were not asked."""
        return tuple(part.name for part in self.coverage if part.problem)


class Recaller:
    """Asks all branches of a surface and fuses their lists.

    ``retrieve`` may be called from several threads, ``ask`` on one event loop.

    Attributes:
        bounded: The branches, in the order in which they are asked.
        branches: Their names.
        quotas: For every branch, how many candidates it is asked for.
        fusion: How their lists become one.
    """

    def __init__(
        self,
        branches: Sequence[Branch | BoundedBranch],
        quotas: Mapping[str, int],
        fusion: FusionConfig | None = None,
    ) -> None:
        """Hold branches.

        Args:
            branches: With distinct names; they are asked in this order.
            quotas: For every branch, how many candidates it is asked for.
            fusion: How their lists become one; by reciprocal rank when left out.
        """
        self.fusion = fusion or FusionConfig()
        self.bounded = tuple(b if isinstance(b, BoundedBranch) else BoundedBranch(b) for b in branches)
        self.branches = tuple(bounded.branch.name for bounded in self.bounded)
        self.quotas = dict(quotas)

    @classmethod
    def open(cls, indexes: Path, config: RecallConfig) -> Recaller:
        """Open the indexes of a snapshot that a surface needs.

        Args:
            indexes: The ``indexes`` folder of a snapshot.
            config: The surface's configuration.

        Raises:
            NotFoundError: When an index was not built for this configuration.
            DataError: When one is damaged, or they come from catalogues of different sizes.
        """
        opened = []
        for section in config.branches.values():
            kind = kind_of(section)
            opened.append(kind.open(indexes / index_name(kind.index, section.recipe), section))
        if len({branch.size for branch in opened}) > 1:
            raise DataError(f"the indexes in {indexes} are of different catalogues; run 'searchrank index'")
        return cls(opened, config.quotas, config.fusion)

    def with_quotas(self, quotas: Mapping[str, int]) -> Recaller:
        """Return a copy over the same indexes that asks the named branches for so many, the rest as before."""
        return Recaller(self.bounded, self.quotas | dict(quotas), self.fusion)

    def fused_by(self, fusion: FusionConfig) -> Recaller:
        """Return a copy over the same indexes whose lists become one in another way.

        Raises:
            ConfigError: When it speaks of a branch that is not there.
        """
        self._check(sorted(fusion.branches))
        return Recaller(self.bounded, self.quotas, fusion)

    def only(self, names: Sequence[str]) -> Recaller:
        """Return a copy over the same indexes that asks the named branches alone.

        Raises:
            ConfigError: When there is no such branch.
        """
        self._check(names)
        return Recaller([b for b in self.bounded if b.branch.name in names], self.quotas, self.fusion)

    def _check(self, names: Sequence[str]) -> None:
        unknown = [name for name in names if name not in self.branches]
        if unknown:
            raise ConfigError(f"there is no branch {unknown[0]!r}; there is {', '.join(self.branches) or 'none'}")

    def widened(self, times: int) -> Recaller:
        """Return a copy over the same indexes that asks every branch for so many times its quota."""
        return self.with_quotas({name: min(quota * times, MAX_QUOTA) for name, quota in self.quotas.items()})

    def apart(self) -> Recaller:
        """Return a copy over the same indexes for another event loop."""
        return Recaller([bounded.branch for bounded in self.bounded], self.quotas, self.fusion)

    @property
    def skipped(self) -> dict[str, int]:
        """How often each branch was not asked because it was busy or late before."""
        return {bounded.branch.name: bounded.skipped for bounded in self.bounded}

    def retrieve(self, query: Query, limit: int, deadline: float = math.inf) -> Retrieval:
        """Return the best candidates of all branches together, each asked on this thread.

        A branch that raises is logged, named in the coverage, and the others go on.

        Args:
            query: What is wanted.
            limit: Most candidates to return.
            deadline: On the clock of ``time.monotonic``, seconds; a branch is not begun after it.
        """
        given = [ask(b.branch, query, self.quotas[b.branch.name], deadline) for b in self.bounded]
        return self._fused(query, limit, given)

    async def ask(self, query: Query, limit: int, deadline: float) -> Retrieval:
        """Return the same, but wait for no branch longer than until the deadline: it is named, the others go on.

        Args:
            query: What is wanted.
            limit: Most candidates to return.
            deadline: On the clock of ``time.monotonic``, seconds.
        """
        waiting_first = sorted(self.bounded, key=lambda bounded: not bounded.branch.waits)
        begun = {b: b.begin(query, self.quotas[b.branch.name], deadline) for b in waiting_first}
        given = await collect([(b, begun[b]) for b in self.bounded], deadline)
        return self._fused(query, limit, given)

    def _fused(self, query: Query, limit: int, given: Sequence[Given]) -> Retrieval:
        late = query.late
        parts = [(told.name, found if late is None else late.moved(found)) for found, told in given]
        union = Union.of([(name, found.first(self.quotas[name])) for name, found in parts])
        coverage = with_unique([told for _, told in given], union.unique)
        exhausted = all(told.found < self.quotas[told.name] for told in coverage)
        recalled = fuse_union(union, limit, self.fusion)
        duplicates, cut = len(union.place) - len(union.rows), len(union.rows) - len(recalled)
        return Retrieval(recalled, coverage, exhausted, duplicates, cut)
