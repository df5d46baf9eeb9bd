"""What branches read of a request: the inputs that their sections name, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from recall.branch import Query
    from recall.kind import BranchSection
    from searchrank.features.catalogue import Catalogue

__all__ = ["Reading", "listed"]


def listed(cell: Any) -> npt.NDArray[np.int64]:
    """Return the hashes of what a cell lists, in its order; of a missing list, nothing."""
    return np.array(cell["values"][: max(0, int(cell["count"]))])


@dataclass(frozen=True, slots=True)
class Reading:
    """The inputs of a request that the branches of a surface read.

    Attributes:
        lists: Those that list items.
        inputs: The others.
    """

    lists: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()

    @classmethod
    def of(cls, sections: Iterable[BranchSection], declared: Container[str]) -> Reading:
        """Return what sections read of a request that has the declared inputs."""
        sections = tuple(sections)
        lists = dict.fromkeys(name for section in sections for name in section.lists if name in declared)
        inputs = dict.fromkeys(name for section in sections for name in section.inputs if name in declared)
        return cls(tuple(lists), tuple(inputs))

    def fill(self, query: Query, record: Any, catalogue: Catalogue) -> Query:
        """Return a query with what it is to read of a request.

        Args:
            query: All else.
            record: One record of the request's inputs.
            catalogue: The one that the indexes were built from.
        """
        if not (self.lists or self.inputs):
            return query
        lists = {name: _known(listed(record[name]), catalogue) for name in self.lists}
        return replace(query, lists=lists, given={name: record[name] for name in self.inputs})


def _known(hashes: npt.NDArray[np.int64], catalogue: Catalogue) -> npt.NDArray[np.int64]:
    rows = catalogue.rows_of_hashes(hashes)
    return rows[rows < len(catalogue)]
