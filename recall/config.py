"""What a surface wants recalled, as written under ``recall:`` in ``project.yaml``.

A branch that is not named is not run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from pydantic import ValidationError, model_validator

from recall.behaviour.config import ItemToItemConfig, SessionConfig
from recall.dense.config import DenseConfig
from recall.fusion.config import FusionConfig
from recall.geo.config import GeoConfig
from recall.kind import BranchSection, Section
from recall.lexical.config import LexicalConfig
from recall.popular.config import PopularConfig
from recall.preference.config import PreferenceConfig
from searchrank.errors import ConfigError

__all__ = ["RecallConfig"]


class RecallConfig(Section):
    """The branches of one surface; a surface without any ranks what it is sent and finds nothing itself."""

    lexical: LexicalConfig | None = None
    """Search in texts, or None."""
    dense: DenseConfig | None = None
    """Nearest vectors, or None."""
    item_to_item: ItemToItemConfig | None = None
    """Neighbours of recent items, or None."""
    session: SessionConfig | None = None
    """Neighbours of this session's items, or None."""
    preference: PreferenceConfig | None = None
    """Items of liked tags, or None."""
    geo: GeoConfig | None = None
    """The nearest items, or None."""
    popular: PopularConfig | None = None
    """Most popular items, or None."""
    fusion: FusionConfig = FusionConfig()
    """How their lists become one."""

    @model_validator(mode="after")
    def _fuses_what_is_there(self) -> Self:
        if unknown := sorted(self.fusion.branches - set(self.branches)):
            there = ", ".join(self.branches) or "none"
            raise ValueError(f"fusion speaks of {unknown[0]!r}, which is no branch here; there is {there}")
        return self

    @property
    def branches(self) -> dict[str, BranchSection]:
        """The configured branches by name, in the order in which they are declared here."""
        sections = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: section for name, section in sections.items() if isinstance(section, BranchSection)}

    @property
    def quotas(self) -> dict[str, int]:
        """How many candidates of each branch take part in fusion."""
        return {name: section.quota for name, section in self.branches.items()}

    @classmethod
    def parse(cls, mapping: Mapping[str, object], *, field: str = "recall") -> RecallConfig:
        """Check what was written.

        Args:
            mapping: The section as read from YAML.
            field: Where it stands, for the message: ``surfaces.places.recall``.

        Raises:
            ConfigError: When a key is unknown or a value is wrong; all faults are listed.
        """
        try:
            return cls.model_validate(mapping)
        except ValidationError as error:
            faults = [(".".join(map(str, e["loc"])), e["msg"].removeprefix("Value error, ")) for e in error.errors()]
            told = "; ".join(f"{where}: {what}" if where else what for where, what in faults)
            raise ConfigError(told, field=field) from error
