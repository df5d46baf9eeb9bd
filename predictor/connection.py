"""How a verb reaches the running workers: the options for it, and the client they make."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from predictor.client import Client
    from predictor.tls import Tls

__all__ = ["DEFAULT_TARGETS", "Ca", "Certificate", "Key", "ServerName", "Targets", "connect", "tls_of"]

DEFAULT_TARGETS: Final = ("127.0.0.1:50051", "127.0.0.1:50052")
Targets = Annotated[
    list[str] | None, typer.Option("--target", help="A worker's host:port; repeat it. Default: ports 50051 and 50052.")
]
Ca = Annotated[
    Path | None,
    typer.Option("--tls-ca", envvar="SEARCHRANK_TLS_CA", help="Certificates that the servers' is signed by."),
]
Certificate = Annotated[
    Path | None,
    typer.Option("--tls-certificate", envvar="SEARCHRANK_TLS_CERTIFICATE", help="Certificate to show to the servers."),
]
Key = Annotated[
    Path | None, typer.Option("--tls-key", envvar="SEARCHRANK_TLS_KEY", help="Private key of that certificate.")
]


ServerName = Annotated[
    str,
    typer.Option(
        "--tls-server-name",
        envvar="SEARCHRANK_TLS_SERVER_NAME",
        help="Name in the servers' certificate; default: the first target's host.",
    ),
]


def tls_of(ca: Path | None, certificate: Path | None, key: Path | None, server_name: str) -> Tls | None:
    """Return what these options ask for; None without a file: connections are not encrypted."""
    from predictor.tls import Tls  # noqa: PLC0415 - a verb imports what it runs

    tls = Tls.of(certificate, key, ca)
    return replace(tls, server_name=server_name) if tls is not None else None


def connect(targets: list[str] | None, tls: Tls | None) -> Client:
    """Return a client of these workers.

    Raises:
        ConfigError: When the files of ``tls`` cannot be used.
        RequestError: When a target is not ``host:port``.
    """
    from predictor.client import Client  # noqa: PLC0415 - a verb imports what it runs

    return Client(targets or DEFAULT_TARGETS, tls=tls)
