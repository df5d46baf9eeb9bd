"""Text as the whole platform sees it: one normal form, one analyser, one hash.

``ANALYSER_REVISION`` enters every fingerprint: change it whenever ``tokenize`` gives other tokens for any text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import xxhash

__all__ = [
    "ANALYSER_REVISION",
    "MISSING_HASH",
    "hash_text",
    "hash_texts",
    "is_han",
    "is_ideographic",
    "normalize",
    "runs",
    "tokenize",
]

ANALYSER_REVISION: Final = 1
MISSING_HASH: Final = 0

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
_TOKEN = re.compile(rf"[{_CJK}]+|[^\W_{_CJK}]+")
_IDEOGRAPH = re.compile(rf"[{_CJK}]")
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+")


def normalize(text: str) -> str:
    """Return the normal form in which texts are compared: NFC, case-folded, single spaces.

    Example:
        >>> normalize("  Café   NOIR ")
        'café noir'
    """
    if text.isascii():
        return " ".join(text.lower().split())
    return " ".join(unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold()).split())


def runs(text: str) -> list[str]:
    """Split the normal form of a text into words and whole runs of ideographs.

    Example:
        >>> runs("Hot-pot 火锅店")
        ['hot', 'pot', '火锅店']
    """
    return _TOKEN.findall(normalize(text))


def is_han(run: str) -> bool:
    """Return whether a run is all Chinese characters, without kana or hangul."""
    return _HAN.fullmatch(run) is not None


def is_ideographic(run: str) -> bool:
    """Return whether a run or token is of ideographs, kana or hangul and not of letters."""
    return _IDEOGRAPH.match(run) is not None


def tokenize(text: str) -> list[str]:
    """Split a text into its tokens: words as written, runs of ideographs as overlapping pairs.

    Example:
        >>> tokenize("Hot-pot 火锅店 No_1")
        ['hot', 'pot', '火锅', '锅店', 'no', '1']
    """
    tokens: list[str] = []
    for run in runs(text):
        if len(run) > 1 and is_ideographic(run):
            tokens.extend(run[i : i + 2] for i in range(len(run) - 1))
        else:
            tokens.append(run)
    return tokens


def hash_text(text: str) -> int:
    """Return the signed 64-bit identity of a string: xxh3-64 of its NFC form in UTF-8, never 0.

    Example:
        >>> hash_text("cafe\u0301") == hash_text("caf\u00e9")
        True
    """
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    value = xxhash.xxh3_64_intdigest(text.encode("utf-8", "surrogatepass")) or 1
    return value - (1 << 64) if value >> 63 else value


def hash_texts(texts: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return ``hash_text`` of every string, shape ``(len(texts),)``; ASCII ones, as ids are, in half the time."""
    if "".join(texts).isascii():
        plain = np.fromiter(map(xxhash.xxh3_64_intdigest, map(str.encode, texts)), np.uint64, len(texts))
        plain[plain == MISSING_HASH] = 1
        return plain.view(np.int64)
    return np.fromiter(map(hash_text, texts), dtype=np.int64, count=len(texts))
