"""What the log has told since a snapshot: documents, links and counted events, one immutable picture for a request.

Public is what ``__all__`` names.
"""

from searchrank.state.links import Links
from searchrank.state.overlay import Overlay
from searchrank.state.slots import encoded
from searchrank.state.state import State
from searchrank.state.tail import LINKS, Tail

__all__ = ["LINKS", "Links", "Overlay", "State", "Tail", "encoded"]
