"""Events: what happened, in one append-only log with offsets, from which samples and statistics are computed.

Public is what ``__all__`` names; the file layout is stable: segments of Arrow IPC streams.
"""

from searchrank.events.forgetting import ERASED_COLUMNS, ERASED_ROOTS, Forgotten
from searchrank.events.kinds import DELETE_ITEM, DELETE_USER, LINK, PUT_ITEM, PUT_USER, RESERVED_KINDS
from searchrank.events.lock import WriterLock
from searchrank.events.log import EventLog
from searchrank.events.schema import (
    CORE,
    IMPLIED_INPUTS,
    REQUIRED_COLUMNS,
    DeclaredInput,
    DeclaredInputs,
    schema,
)
from searchrank.events.validation import MAX_ID_BYTES, MAX_VALUE
from searchrank.events.writer import Appended

__all__ = [
    "CORE",
    "DELETE_ITEM",
    "DELETE_USER",
    "ERASED_COLUMNS",
    "ERASED_ROOTS",
    "IMPLIED_INPUTS",
    "LINK",
    "MAX_ID_BYTES",
    "MAX_VALUE",
    "PUT_ITEM",
    "PUT_USER",
    "REQUIRED_COLUMNS",
    "RESERVED_KINDS",
    "Appended",
    "DeclaredInput",
    "DeclaredInputs",
    "EventLog",
    "Forgotten",
    "WriterLock",
    "schema",
]
