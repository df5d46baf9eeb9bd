"""What indexes are built from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from recall.interaction import Interactions

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pyarrow as pa

    from searchrank.features.catalogue import Catalogue
    from searchrank.features.history import EventColumns
    from searchrank.features.inputs import Input

__all__ = ["IndexSources"]


@dataclass(frozen=True, kw_only=True)
class IndexSources:
    """What indexes are built from.

    Attributes:
        inputs: Declared inputs by name (``FeatureSet.inputs``).
        items: The raw catalogue: ``item_id`` and a column for each text that is indexed.
        events: The events known when the snapshot was made.
        catalogue: The snapshot's catalogue, whose rows the indexes speak of.
        root: The project's folder, where the files lie that a configuration names; None: it may name none.
    """

    inputs: Mapping[str, Input]
    items: pa.Table
    events: EventColumns
    catalogue: Catalogue
    root: Path | None = None

    @cached_property
    def interactions(self) -> Interactions:
        """The events about items of the catalogue."""
        return Interactions.of(self.events, self.catalogue)
