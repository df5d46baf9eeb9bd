"""What the log of a serving process looks like, and which requests get a line in it."""

from __future__ import annotations

import json
import logging
import os
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Final

from typing_extensions import override

from predictor.tracing import left_out
from searchrank.errors import ConfigError

if TYPE_CHECKING:
    from predictor.call import Call
    from searchrank.v1 import ranking_pb2

__all__ = ["FORMATS", "JsonLines", "RequestLog", "set_up_log"]

FORMATS: Final = ("text", "json")
LINES_A_SECOND: Final = 5.0
BURST: Final = 20.0
SLOW_SECONDS: Final = 0.5
_TEXT: Final = "%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"
_logger = logging.getLogger("searchrank.predictor.requests")


def set_up_log(form: str) -> None:
    """Log to standard error in one of ``FORMATS``.

    Raises:
        ConfigError: When there is no such form.
    """
    if form not in FORMATS:
        raise ConfigError(f"{form!r} is not a form of the log; choose {' or '.join(FORMATS)}", field="log-format")
    logging.basicConfig(level=logging.INFO, format=_TEXT)
    if form == "json":
        for handler in logging.getLogger().handlers:
            handler.setFormatter(JsonLines())


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, pid, message, whatever the line says in fields, and an exception."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        told = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "pid": os.getpid(),
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            told["exception"] = self.formatException(record.exc_info)
        return json.dumps(told, ensure_ascii=False, default=str)


class RequestLog:
    """Writes a line for an answer that is degraded or slow, but no more than some a second; used on the event loop."""

    def __init__(self, slow_seconds: float = SLOW_SECONDS) -> None:
        """Begin.

        Args:
            slow_seconds: From when on an answer is slow.
        """
        self._slow = slow_seconds
        self._left, self._at, self._unsaid = BURST, monotonic(), 0

    def note(self, call: Call, coverage: ranking_pb2.Coverage, seconds: float) -> None:
        """Take note of an answer."""
        if not coverage.degradations and seconds < self._slow:
            return
        now = monotonic()
        self._left = min(BURST, self._left + (now - self._at) * LINES_A_SECOND)
        self._at = now
        if self._left < 1.0:
            self._unsaid += 1
            return
        self._left -= 1.0
        parts = left_out(coverage)
        fields = {
            "event": "degraded" if parts else "slow",
            **call.fields(),
            "milliseconds": round(seconds * 1e3, 3),
            "left_out": parts,
            "stages_us": {part.stage: part.elapsed_us for part in coverage.stages},
            "unsaid": self._unsaid,
        }
        self._unsaid = 0
        _logger.warning(
            "%s %s, request %r, took %.1f ms; left out: %s",
            call.rpc,
            fields["event"],
            call.request_id,
            seconds * 1e3,
            "; ".join(parts) or "nothing",
            extra={"fields": fields},
        )
