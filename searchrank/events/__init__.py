"""Events: what happened, in one append-only log with offsets, from which samples and statistics are computed.

Public is what ``__all__`` names; the file layout is stable: segments of Arrow IPC streams.
"""

from searchrank.events.log import EventLog
from searchrank.events.schema import (
    CORE,
    IMPLIED_INPUTS,
    REQUIRED_COLUMNS,
    DeclaredInput,
    DeclaredInputs,
    schema,
)
from searchrank.events.validation import MAX_ID_BYTES
from searchrank.events.writer import Appended

__all__ = [
    "CORE",
    "IMPLIED_INPUTS",
    "MAX_ID_BYTES",
    "REQUIRED_COLUMNS",
    "Appended",
    "DeclaredInput",
    "DeclaredInputs",
    "EventLog",
    "schema",
]
