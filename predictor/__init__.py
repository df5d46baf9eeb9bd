"""The predictor: answers "rank these", "search this", "what is there to rank" and "why" over gRPC inside a deadline.

Public and stable: what ``__all__`` lists. Start a server with ``running_server`` (or ``searchrank serve``), ask it with
``Client`` or ``AsyncClient``. Names are imported when they are first used, so that the supervisor, which lives in this
package too, never loads grpc.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from predictor.answers import Arm, Explanation, Finding, Ranking, RecallResult, ReleaseIdentity, SearchResult
    from predictor.background import running_server
    from predictor.client import AsyncClient, Client
    from predictor.coverage import BranchCoverage, Coverage
    from predictor.journey import Filtering, Removed
    from predictor.query import Query, Sort
    from predictor.serve_options import ServeOptions
    from predictor.writing import (
        Acknowledgement,
        DeleteItem,
        DeleteUser,
        Interaction,
        LinkUsers,
        PutItem,
        PutUser,
        Reaction,
    )

__all__ = [
    "Acknowledgement",
    "Arm",
    "AsyncClient",
    "BranchCoverage",
    "Client",
    "Coverage",
    "DeleteItem",
    "DeleteUser",
    "Explanation",
    "Filtering",
    "Finding",
    "Interaction",
    "LinkUsers",
    "PutItem",
    "PutUser",
    "Query",
    "Ranking",
    "Reaction",
    "RecallResult",
    "ReleaseIdentity",
    "Removed",
    "SearchResult",
    "ServeOptions",
    "Sort",
    "running_server",
]

_HOMES: Final = {
    "AsyncClient": "client",
    "BranchCoverage": "coverage",
    "Client": "client",
    "Coverage": "coverage",
    "Filtering": "journey",
    "Removed": "journey",
    "Query": "query",
    "ServeOptions": "serve_options",
    "Sort": "query",
    "running_server": "background",
    **dict.fromkeys(("DeleteItem", "DeleteUser", "Interaction", "LinkUsers", "PutItem", "PutUser"), "writing"),
    **dict.fromkeys(("Acknowledgement", "Reaction"), "writing"),
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'predictor' has no attribute {name!r}")
    return getattr(importlib.import_module(f"predictor.{_HOMES.get(name, 'answers')}"), name)
