"""One call as it is counted, logged and traced."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from predictor.tracing import Trace

__all__ = ["Call"]


@dataclass(slots=True)
class Call:
    """Belongs to the task that answers it, which fills in what it learns.

    Attributes:
        rpc: Its name.
        surface: Surface that answers it; empty: none, or one that the project does not have.
        release: ``name@version`` of what scored; until there is an answer, of what serves the surface. Empty: nothing.
        request_id: The caller's name for it, or the one that was made for it.
        candidates: Items that were sent, or found, to be ordered; 0 until there is an answer.
        trace: None: it is not traced.
    """

    rpc: str
    surface: str = ""
    release: str = ""
    request_id: str = ""
    candidates: int = 0
    trace: Trace | None = None

    def fields(self) -> dict[str, str | int]:
        """Return what tells it from others, for lines of the log and for spans."""
        told: dict[str, str | int] = {
            "rpc": self.rpc,
            "surface": self.surface,
            "release": self.release,
            "request_id": self.request_id,
            "candidates": self.candidates,
        }
        if self.trace is not None:
            told["trace_id"] = f"{self.trace.trace_id:032x}"
        return told
