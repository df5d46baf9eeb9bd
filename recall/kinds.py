"""All kinds of branches, by the section that configures them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from recall.behaviour.kind import ITEM_TO_ITEM, SESSION
from recall.dense.kind import DENSE
from recall.geo.kind import GEO
from recall.lexical.kind import LEXICAL
from recall.popular.kind import POPULAR
from recall.preference.kind import PREFERENCE

if TYPE_CHECKING:
    from recall.kind import BranchSection, Kind

__all__ = ["kind_of"]

_KINDS: Final[dict[type[BranchSection], Kind[Any]]] = {
    kind.section: kind for kind in (LEXICAL, DENSE, ITEM_TO_ITEM, SESSION, PREFERENCE, GEO, POPULAR)
}


def kind_of(section: BranchSection) -> Kind[Any]:
    """Return what checks, builds and opens the branch of a section."""
    return _KINDS[type(section)]
