"""The standard health service, whose answers say beside the status what is not as it was in training.

Drift does not make a worker unhealthy: the status stays what it is, and alarms travel in trailing metadata, which other
callers of the standard service do not look at.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from grpc_health.v1 import health, health_pb2
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from predictor.sketch import Alarm

__all__ = ["DRIFT_KEY", "HealthService"]

DRIFT_KEY: Final = "searchrank-drift-bin"
_MOST: Final = 10  # metadata may have some kilobytes


class HealthService(health.aio.HealthServicer):  # type: ignore[misc,name-defined]  # not in the stubs
    """Answers whether a worker serves."""

    def __init__(self, alarms: Callable[[], Sequence[Alarm]]) -> None:
        """Begin.

        Args:
            alarms: Returns what is not as it was, at any time.
        """
        super().__init__()
        self._alarms = alarms

    @override
    async def Check(self, request: health_pb2.HealthCheckRequest, context: Any) -> Any:
        """Return the status, and in trailing metadata the words of some alarms."""
        alarms = self._alarms()
        if alarms:
            words = json.dumps([alarm.words for alarm in alarms[:_MOST]])
            context.set_trailing_metadata(((DRIFT_KEY, words.encode()),))
        return await super().Check(request, context)
