"""Where users are kept: one text that feeder and workers are given alike."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from searchrank.errors import ConfigError

__all__ = ["STORE_HELP", "STORE_VARIABLE", "StoreAddress"]

STORE_VARIABLE: Final = "SEARCHRANK_STORE"
"""Environment variable that names the store of users, so that a password is on no command line."""
STORE_HELP: Final = "Users' server: redis://HOST:PORT/0?project=NAME&timeout_ms=10, rediss://… or unix:///PATH."

_SCHEMES: Final = {"redis": "redis", "rediss": "rediss", "valkey": "redis", "valkeys": "rediss", "unix": "unix"}
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]+")


@dataclass(frozen=True, slots=True)
class StoreAddress:
    """A server and how it is used.

    Attributes:
        url: What the client library connects to.
        project: Tells projects apart that share a server.
        timeout: Seconds that a request waits for an answer.
    """

    url: str
    project: str = "searchrank"
    timeout: float = 0.01

    def __post_init__(self) -> None:
        """Refuse a name that would match others' keys.

        Raises:
            ConfigError: When the project's name is not made of letters, digits, ``_``, ``-`` and ``.``.
        """
        if not _NAME.fullmatch(self.project):
            raise ConfigError(
                f"project {self.project!r} must be letters, digits, '_', '-' and '.' alone", field="store"
            )

    @classmethod
    def parse(cls, text: str) -> StoreAddress:
        """Read an address.

        Args:
            text: ``redis://HOST:PORT/0``, ``rediss://…``, ``valkey://…`` or ``unix:///PATH``, perhaps with
                ``?project=NAME&timeout_ms=10``; other parameters are the client library's.

        Raises:
            ConfigError: When it is none.

        Example:
            >>> StoreAddress.parse("valkey://cache:6379/0?project=shop&timeout_ms=5")
            StoreAddress(url='redis://cache:6379/0', project='shop', timeout=0.005)
        """
        try:
            parts = urlsplit(text)
            given = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
            timeout = float(given.pop("timeout_ms", 10)) / 1000
            scheme = _SCHEMES[parts.scheme]
        except (ValueError, KeyError):
            raise ConfigError(
                "not an address such as redis://HOST:PORT/0?project=NAME&timeout_ms=10 or unix:///PATH", field="store"
            ) from None
        if not 0 < timeout <= 60:
            raise ConfigError(f"timeout_ms={1000 * timeout:g}: it must be more than 0 and at most 60000", field="store")
        project = given.pop("project", "searchrank")
        rest = f"?{urlencode(given)}" if given else ""
        return cls(f"{scheme}://{parts.netloc}{parts.path}{rest}", project, timeout)
