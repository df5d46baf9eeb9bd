"""In which encoding a text file is written: as declared, or UTF-8, or what its bytes can only mean."""

from __future__ import annotations

import codecs
import gzip
from typing import IO, TYPE_CHECKING, Any, Final

from searchrank.errors import DataError
from trainer.importing.findings import Finding, Findings, Severity

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["open_text", "read_encoding"]

_BLOCK: Final = 1 << 20
_UTF16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_SHOWN: Final = 24


def read_encoding(path: Path, declared: str, findings: Findings) -> str:
    """Return the encoding to read a file with.

    An undeclared file that is not UTF-8 is taken for Latin-1, or for Windows-1252 where it holds bytes that Latin-1
    has no letters for; that is noted as a warning, since any file can be read so.

    Args:
        path: The file; looked at whole.
        declared: As the mapping says; empty when it does not.
        findings: Where it is noted.

    Raises:
        DataError: When the declared encoding does not exist or the file does not hold it, or the file cannot be read.
    """
    name = _known(declared) if declared else "utf-8"
    try:
        with _bytes(path) as file:
            if declared == "" and file.read(2) in _UTF16:
                return "utf-16"
            file.seek(0)
            found = _first_fault(file, name)
    except (OSError, EOFError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    if found is None:
        return name
    place, wrong = found
    shown = wrong.decode("latin-1")
    where = f"byte 0x{wrong[0]:02x} in line {place:,} is no {name} (the text from there: {shown!r})"
    if declared:
        raise DataError(f"{path}: {where}; declare its encoding in the mapping, for example encoding: latin-1")
    guess = _guess(path)
    findings.add(
        Finding(
            severity=Severity.WARNING,
            what="encoding",
            file=path.name,
            message=f"not UTF-8: {where}; read as {guess}",
            row=max(place - 1, 1),
            advice=f"if names look right, write encoding: {guess} in the mapping, otherwise the encoding it has",
        )
    )
    return guess


def _guess(path: Path) -> str:
    """Return cp1252 where the bytes between 0x80 and 0x9f, which Latin-1 has no letters for, make sense in it.

    Raises:
        DataError: When the file has zero bytes, as no text has.
    """
    letters = zeros = False
    with _bytes(path) as file:
        while block := file.read(_BLOCK):
            letters |= any(byte in block for byte in range(0x80, 0xA0))
            zeros |= b"\x00" in block
        if zeros:
            raise DataError(f"{path} is no text: it has zero bytes")
        file.seek(0)
        return "cp1252" if letters and _first_fault(file, "cp1252") is None else "latin-1"


def _known(name: str) -> str:
    """Return the codec's own name.

    Raises:
        DataError: When Python knows none of that name.
    """
    try:
        return codecs.lookup(name).name
    except LookupError:
        raise DataError(
            f"there is no encoding {name!r}; for example utf-8, latin-1, cp1252", field="encoding"
        ) from None


def open_text(path: Path, encoding: str) -> IO[str]:
    """Open a text file, compressed or not, line ends as they are."""
    opener: Any = gzip.open if path.suffix == ".gz" else open
    file: IO[str] = opener(path, "rt", encoding="utf-8-sig" if encoding == "utf-8" else encoding, newline="")
    return file


def _bytes(path: Path) -> IO[bytes]:
    opener: Any = gzip.open if path.suffix == ".gz" else open
    file: IO[bytes] = opener(path, "rb")
    return file


def _first_fault(file: IO[bytes], name: str) -> tuple[int, bytes] | None:
    """Return the line of the first fault and the bytes from there on; None when all can be decoded."""
    decoder = codecs.getincrementaldecoder(name)()
    lines = 1
    while True:
        block = file.read(_BLOCK)
        try:
            decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            text, at = error.object, error.start
            return lines + text[:at].count(b"\n"), text[at : at + _SHOWN]
        if not block:
            return None
        lines += block.count(b"\n")
