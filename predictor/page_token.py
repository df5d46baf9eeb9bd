"""A page token: the rest of a list, compressed and signed, so that any worker can give the next page of it.

``base64url(version, MAC, length of the head, head, scores)``. The head is compressed JSON; scores, and
propensities behind them where there are any, hardly compress. The MAC is the first 16 bytes of HMAC-SHA256 under the
workspace's key and is checked before anything is unpacked. Ids and scores are what the caller is going to see anyway:
a token is signed, not encrypted.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import os
import secrets
import struct
import tempfile
import zlib
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from searchrank.errors import ConfigError, RequestError
from searchrank.experiments import Assigned

__all__ = ["MAX_CHARACTERS", "PageTokens", "Remainder"]

MAX_CHARACTERS: Final = 1 << 18
_VERSION: Final = b"\x01"
_KEY_BYTES: Final = 32
_MAC_BYTES: Final = 16
_HEAD: Final = struct.Struct("<I")
_AGAIN: Final = "search again without it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remainder:
    """What is left of a list after a page, and what it was made of.

    Attributes:
        surface: Name of the surface.
        question: Digest of what was asked.
        request_id: The search that made the list.
        user_id: Who asked; empty when unknown.
        session_id: The caller's session; empty when unknown.
        query: Text as typed; may be empty.
        time_us: The moment features were computed for, microseconds since 1970, UTC.
        release: Name, version and digest of what scored.
        snapshot_id: Catalogue and state that were read.
        offset: Events of the log before it were known.
        experiments: Version of the experiments; empty when there were none.
        arms: The arms that applied.
        candidates: How many items the model was handed.
        limit: Items on a page unless the caller says otherwise.
        expires: Seconds since 1970 UTC from which on it is refused.
        position: Absolute position of the first id.
        ids: Best first.
        scores: Shape ``(n,)`` float64.
        propensities: Shape ``(n,)`` float64; None: nothing was left to chance.
    """

    surface: str
    question: str
    request_id: str
    user_id: str
    session_id: str
    query: str
    time_us: int
    release: tuple[str, int, str]
    snapshot_id: str
    offset: int
    experiments: str
    arms: tuple[Assigned, ...]
    candidates: int
    limit: int
    expires: int
    position: int
    ids: list[str]
    scores: npt.NDArray[np.float64]
    propensities: npt.NDArray[np.float64] | None = None

    def take(self, places: slice | npt.NDArray[np.int64]) -> Remainder:
        """Return some of it, with the position of the whole."""
        ids = self.ids[places] if isinstance(places, slice) else [self.ids[place] for place in places.tolist()]
        chances = None if self.propensities is None else self.propensities[places]
        return replace(self, ids=ids, scores=self.scores[places], propensities=chances)


_PLAIN: Final = tuple(part.name for part in fields(Remainder) if part.name not in {"arms", "scores", "propensities"})
_ARM: Final = ("layer", "experiment", "arm", "propensity", "overridden")


class PageTokens:
    """Writes and reads tokens under one key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def open(cls, path: Path) -> PageTokens:
        """Read a workspace's key, which is made first if nobody has.

        Raises:
            ConfigError: When it can neither be read nor made, or is no key.
        """
        try:
            if not path.exists():
                _make(path)
            key = path.read_bytes()
        except OSError as error:
            raise ConfigError(f"the key of page tokens, {path}, cannot be read or made: {error.strerror}") from error
        if len(key) != _KEY_BYTES:
            raise ConfigError(f"{path} is not a key of {_KEY_BYTES} bytes; remove it and a new one is made")
        return cls(key)

    def write(self, rest: Remainder) -> str:
        """Return a token."""
        parts = {name: getattr(rest, name) for name in _PLAIN}
        parts["arms"] = [[getattr(arm, name) for name in _ARM] for arm in rest.arms]
        head = zlib.compress(json.dumps(parts, separators=(",", ":")).encode(), level=1)
        numbers = rest.scores if rest.propensities is None else np.concatenate([rest.scores, rest.propensities])
        body = _HEAD.pack(len(head)) + head + numbers.astype("<f8").tobytes()
        return base64.urlsafe_b64encode(_VERSION + self._mac(body) + body).decode()

    def read(self, token: str) -> Remainder:
        """Return what a token holds; whether it has expired is not looked at.

        Raises:
            RequestError: When it was not written under this key.
        """
        body = self._verified(token)
        (size,) = _HEAD.unpack_from(body)
        end = _HEAD.size + size
        parts: dict[str, Any] = json.loads(zlib.decompress(body[_HEAD.size : end]))
        numbers, n = np.frombuffer(body, "<f8", offset=end), len(parts["ids"])
        parts["scores"], parts["propensities"] = numbers[:n], numbers[n:] if len(numbers) > n else None
        parts["arms"] = tuple(Assigned(*arm) for arm in parts["arms"])
        parts["release"] = tuple(parts["release"])
        return Remainder(**parts)

    def _verified(self, token: str) -> bytes:
        if len(token) > MAX_CHARACTERS:
            raise RequestError(f"{len(token):,} characters are not a page token; {_AGAIN}", field="page_token")
        try:
            whole = base64.urlsafe_b64decode(token)
        except (binascii.Error, ValueError):
            whole = b""
        end = len(_VERSION) + _MAC_BYTES
        mac, body = whole[len(_VERSION) : end], whole[end:]
        if whole[: len(_VERSION)] != _VERSION or not hmac.compare_digest(mac, self._mac(body)):
            raise RequestError(f"is not a page token of this service, or was changed; {_AGAIN}", field="page_token")
        return body

    def _mac(self, body: bytes) -> bytes:
        return hmac.digest(self._key, _VERSION + body, hashlib.sha256)[:_MAC_BYTES]


def _make(path: Path) -> None:
    """Write a new key, unless another process is first."""
    handle, fresh = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # readable by its owner alone
    with os.fdopen(handle, "wb") as file:
        file.write(secrets.token_bytes(_KEY_BYTES))
        file.flush()
        os.fsync(file.fileno())
    try:
        path.hardlink_to(fresh)
    except FileExistsError:
        pass
    finally:
        Path(fresh).unlink()
