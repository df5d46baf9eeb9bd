"""Some rows of somebody's file, and a file that gives them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa

__all__ = ["ROWS", "Part", "Source"]

ROWS: Final = 1 << 17
"""Rows of a part, where the file does not say."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows of a file.

    Attributes:
        first: Row of the first one, counted from 1 without the header.
        columns: Arrays of equal length by column name.
        rows: Their length.
    """

    first: int
    columns: dict[str, pa.Array]
    rows: int


@dataclass(frozen=True, slots=True)
class Source:
    """An open file.

    Attributes:
        path: The file.
        names: Its columns; of JSON lines those of the first thousand lines.
        read: Gives the rows of some columns part by part; an absent column of JSON lines is missing throughout.
    """

    path: Path
    names: tuple[str, ...]
    read: Callable[[Sequence[str]], Iterator[Part]]
