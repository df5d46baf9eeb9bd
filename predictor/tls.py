"""Encrypted connections: files in PEM form, looked at before anything is started or connected."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from searchrank.errors import ConfigError

if TYPE_CHECKING:
    import grpc

__all__ = ["Tls", "unlike_ends"]

_UNLIKE: Final = {
    "WRONG_VERSION_NUMBER": "it does not encrypt: connect without TLS",
    "CERTIFICATE_VERIFY_FAILED": "its certificate is not signed by the authorities that are trusted: see --tls-ca",
    "Hostname Verification": "its certificate is made out to another name than the first target's host",
    "Socket closed": "it hung up: it may want TLS (--tls-ca) or a caller's certificate (--tls-certificate)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """Who one is and whom one trusts, for a server or for its callers.

    Attributes:
        certificate: Chain that a server shows, or that a caller shows to a server that asks for one; goes with ``key``.
        key: Private key of the certificate, without a passphrase.
        ca: Certificates that the other side's must be signed by. A server with it takes only callers with such a
            certificate; a caller without it trusts the authorities that gRPC comes with.
        server_name: For callers: the name that the servers' certificate is made out to; empty: the host of the first
            target.
    """

    certificate: Path | None = None
    key: Path | None = None
    ca: Path | None = None
    server_name: str = ""

    @classmethod
    def of(cls, certificate: Path | None, key: Path | None, ca: Path | None) -> Tls | None:
        """Return what these options ask for, or None when they ask for nothing."""
        return None if certificate is key is ca is None else cls(certificate=certificate, key=key, ca=ca)

    def check(self, *, server: bool) -> None:
        """Make sure that the files can be read and fit together.

        Args:
            server: Whether a server will use them, which needs a certificate.

        Raises:
            ConfigError: When they do not; says which file and why.
        """
        if (self.certificate is None) != (self.key is None):
            lacking = "key" if self.key is None else "certificate"
            raise ConfigError(f"a certificate and its key go together, the {lacking} is missing", field="tls")
        if server and self.certificate is None:
            raise ConfigError("callers are to show certificates but the server has none", field="tls")
        if self.certificate is not None and self.key is not None:
            _check_pair(self.certificate, self.key)
        if self.ca is not None:
            _check_ca(self.ca)

    def server_credentials(self) -> grpc.ServerCredentials:
        """Return what a port listens with.

        Raises:
            ConfigError: When the files cannot be used.
        """
        import grpc  # noqa: PLC0415 - the supervisor checks files too and never loads grpc

        self.check(server=True)
        pair = (_read(self.key), _read(self.certificate))
        return grpc.ssl_server_credentials([pair], _read(self.ca) or None, require_client_auth=self.ca is not None)

    def channel_credentials(self) -> grpc.ChannelCredentials:
        """Return what a channel connects with.

        Raises:
            ConfigError: When the files cannot be used.
        """
        import grpc  # noqa: PLC0415 - as above

        self.check(server=False)
        files = (self.ca, self.key, self.certificate)
        return grpc.ssl_channel_credentials(*(_read(path) or None for path in files))


def unlike_ends(words: str) -> str:
    """Return why two ends cannot speak with each other, given gRPC's words for a failed connection; empty: unknown."""
    return next((why for sign, why in _UNLIKE.items() if sign in words), "")


def _read(path: Path | None) -> bytes:
    """Return the content of a file; of none, nothing.

    Raises:
        ConfigError: When it cannot be read.
    """
    try:
        return path.read_bytes() if path is not None else b""
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}", field="tls") from error


def _check_pair(certificate: Path, key: Path) -> None:
    for path, kind in ((certificate, b"CERTIFICATE"), (key, b"PRIVATE KEY")):
        if kind + b"-----" not in _read(path):
            raise ConfigError(f"{path} holds no {kind.decode().lower()} in PEM form", field="tls")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key, password=lambda: "")
    except (ssl.SSLError, ValueError) as error:
        words = {"KEY_VALUES_MISMATCH": f"it is not the key of {certificate}"}
        why = words.get(
            getattr(error, "reason", ""), "it is damaged, or has a passphrase, which a key here may not have"
        )
        raise ConfigError(f"cannot use {key}: {why}", field="tls") from error


def _check_ca(path: Path) -> None:
    _read(path)
    try:
        ssl.create_default_context(cafile=str(path))
    except ssl.SSLError as error:
        raise ConfigError(f"{path} holds no certificates in PEM form", field="tls") from error
