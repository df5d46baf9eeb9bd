"""What the log has told since a snapshot: documents, links and counted events, one immutable picture for a request.

Public is what ``__all__`` names. ``searchrank.state.feeding`` fills the server that ``open_store`` reads; it needs the
client library, as the extra ``valkey`` brings it.
"""

from searchrank.state.links import Links
from searchrank.state.overlay import Overlay
from searchrank.state.slots import encoded
from searchrank.state.state import State
from searchrank.state.store import EmbeddedStore, Fetched, UserStore, open_store
from searchrank.state.tail import EVERYTHING, LINKS, Tail

__all__ = [
    "EVERYTHING",
    "LINKS",
    "EmbeddedStore",
    "Fetched",
    "Links",
    "Overlay",
    "State",
    "Tail",
    "UserStore",
    "encoded",
    "open_store",
]
