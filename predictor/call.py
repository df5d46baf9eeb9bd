"""One call as it is counted, logged and traced."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Call"]


@dataclass(slots=True)
class Call:
    """Belongs to the task that answers it, which fills in what it learns.

    Attributes:
        rpc: Its name.
        surface: Surface that answers it; empty: none, or one that the project does not have.
        release: ``name@version`` of what scored; until there is an answer, of what serves the surface. Empty: nothing.
        request_id: The caller's name for it, or the one that was made for it.
    """

    rpc: str
    surface: str = ""
    release: str = ""
    request_id: str = ""
