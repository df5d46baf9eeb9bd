"""What the log has told since a snapshot: documents, links and counted events, one immutable picture for a request.

Public is what ``__all__`` names.
"""

from searchrank.state.links import Links
from searchrank.state.overlay import Overlay
from searchrank.state.state import State
from searchrank.state.tail import Tail

__all__ = ["Links", "Overlay", "State", "Tail"]
