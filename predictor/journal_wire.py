"""What workers and the journal say to each other over a socket; it takes neither grpc nor generated code.

A frame is four bytes of length, big endian, and that many bytes. A worker sends an Arrow IPC stream whose record
batches are parts, one call each. The journal answers with a JSON array of one member a part, in the same order.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

import pyarrow as pa

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

__all__ = ["Refused", "Written", "answer", "pack", "read_frame", "read_results", "unpack", "write_frame"]

_LENGTH_BYTES: Final = 4


@dataclass(frozen=True, slots=True)
class Written:
    """A part that is on disk.

    Attributes:
        offset: Offset after its last event in the log, or a later one.
        accepted: Events written.
        duplicates: Events whose id the log had.
    """

    offset: int
    accepted: int
    duplicates: int


@dataclass(frozen=True, slots=True)
class Refused:
    """A part that is not on disk, or not wholly.

    Attributes:
        words: Why.
        field: The column that is wrong; empty when the part may be sent again as it is.
    """

    words: str
    field: str


def pack(parts: Sequence[pa.RecordBatch]) -> bytes:
    """Return parts as the payload of a frame; a column that a part lacks is null in it.

    Raises:
        ArrowInvalid: When two parts have different types for a column.
        ArrowTypeError: Likewise.
    """
    table = pa.concat_tables([pa.Table.from_batches([part]) for part in parts], promote_options="default")
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return bytes(sink.getvalue())


def unpack(payload: bytes) -> list[pa.RecordBatch]:
    """Return the parts of a frame.

    Raises:
        ArrowInvalid: When the payload is no IPC stream.
    """
    with pa.ipc.open_stream(payload) as stream:
        return list(stream)


def answer(results: Sequence[Written | Refused]) -> bytes:
    """Return what became of the parts of a frame as the payload of another."""
    return json.dumps([asdict(result) for result in results]).encode()


def read_results(payload: bytes) -> list[Written | Refused]:
    """Return what ``answer`` was given.

    Raises:
        ValueError: When the payload is no such answer.
    """
    try:
        return [Refused(**told) if "words" in told else Written(**told) for told in json.loads(payload)]
    except TypeError as error:
        raise ValueError(f"not an answer of the journal: {payload[:80]!r}") from error


async def read_frame(reader: asyncio.StreamReader) -> bytes:
    """Return the payload of the next frame.

    Raises:
        IncompleteReadError: When the stream ends first.
    """
    length = int.from_bytes(await reader.readexactly(_LENGTH_BYTES))
    return await reader.readexactly(length)


async def write_frame(writer: asyncio.StreamWriter, payload: bytes) -> None:
    """Send a frame.

    Raises:
        OSError: When the other end has gone.
    """
    writer.write(len(payload).to_bytes(_LENGTH_BYTES))
    writer.write(payload)
    await writer.drain()
