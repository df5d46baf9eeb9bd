"""The requests that were answered last: what new releases are warmed with before they serve."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from predictor.requests import AnyRequest

__all__ = ["Recent"]

KEPT: Final = 8


class Recent:
    """A ring of requests for each rpc and surface; noted on the event loop, read on any thread."""

    def __init__(self, kept: int = KEPT) -> None:
        """Keep nothing yet.

        Args:
            kept: Requests of each rpc and surface.
        """
        self._kept = kept
        self._rings: dict[tuple[str, str], deque[AnyRequest]] = {}

    def note(self, rpc: str, surface: str, request: AnyRequest) -> None:
        """Keep a request that was answered, in place of the one kept longest."""
        ring = self._rings.get((rpc, surface))
        if ring is None:
            ring = self._rings[rpc, surface] = deque(maxlen=self._kept)
        ring.append(request)

    def of(self, surface: str) -> list[AnyRequest]:
        """Return what is kept of a surface, of each rpc the oldest first."""
        return [request for key, ring in self._rings.copy().items() if key[1] == surface for request in ring.copy()]
