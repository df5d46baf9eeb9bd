"""Batches with a seal behind each: an empty batch that holds a checksum of all bytes since the seal before it.

Whoever reads batches alone sees an empty one more. Files of earlier versions have no seals.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import xxhash

if TYPE_CHECKING:
    from searchrank.serving_log.reader import Opened

__all__ = ["Checked", "SealedStream", "checked"]

_OPTIONS: Final = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)
_KEY: Final = b"searchrank.xxh3_64"
_FINISHED: Final = b"\xff\xff\xff\xff\x00\x00\x00\x00"
_UNREADABLE: Final = (OSError, EOFError, pa.ArrowInvalid)


class SealedStream:
    """Turns batches into bytes, seals among them; the first bytes bring the schema with them."""

    def __init__(self, schema: pa.Schema) -> None:
        """Begin a stream."""
        self._buffer = io.BytesIO()
        self._nothing = pa.record_batch([pa.array([], field.type) for field in schema], schema=schema)
        self._stream = pa.ipc.new_stream(self._buffer, schema, options=_OPTIONS)
        self._seal = b""

    def batch(self, batch: pa.RecordBatch) -> bytes:
        """Return the bytes of a batch and its seal."""
        self._stream.write_batch(batch)
        data = self._taken()
        digest = xxhash.xxh3_64(self._seal)
        digest.update(data)
        self._stream.write_batch(self._nothing, custom_metadata={_KEY: digest.hexdigest()})
        self._seal = self._taken()
        return data + self._seal

    def end(self) -> bytes:
        """Return the bytes that mark the end."""
        self._stream.close()
        return self._taken()

    def _taken(self) -> bytes:
        data = self._buffer.getvalue()
        self._buffer.seek(0)
        self._buffer.truncate()
        return data


@dataclass(frozen=True, slots=True, eq=False)
class Checked:
    """One batch, or what is left of it.

    Attributes:
        batch: The answers; None when they cannot be read.
        problem: Why it is not what was written, in words; empty when it is, or nothing tells.
        sealed: Whether a seal tells.
    """

    batch: pa.RecordBatch | None
    problem: str
    sealed: bool = True


def checked(file: Opened) -> Iterator[Checked]:
    """Give the batches of a file, each with what its seal says of it."""
    if file.schema is not None:
        with pa.memory_map(str(file.path)) as source:
            yield from _batches(file, source)
    size = file.path.stat().st_size
    if file.torn and size >= len(_FINISHED) and file.path.read_bytes()[-len(_FINISHED) :] == _FINISHED:
        yield Checked(None, f"{file.path.name}: damaged, its last {file.torn:,} bytes cannot be read")


def _batches(file: Opened, source: pa.MemoryMappedFile) -> Iterator[Checked]:
    whole = source.read_buffer()
    source.seek(0)
    stream = pa.ipc.open_stream(source)
    waiting: list[pa.RecordBatch | None] = []
    begun = 0
    for number in range(file.batches):
        before = source.tell()
        try:
            part = stream.read_next_batch_with_custom_metadata()
            part.batch.validate(full=True)
        except _UNREADABLE as error:
            yield Checked(None, f"{file.path.name}: batch {number} is damaged: {error}")
            return
        told = part.custom_metadata and part.custom_metadata.get(_KEY)
        if told is None:
            waiting.append(part.batch)
            continue
        is_same = xxhash.xxh3_64(whole.slice(begun, before - begun)).hexdigest().encode() == told
        problem = "" if is_same else f"{file.path.name}: batch {number - 1} is not as it was written"
        yield from (Checked(one, problem) for one in waiting)
        waiting, begun = [], before
    yield from (Checked(one, "", sealed=False) for one in waiting)
