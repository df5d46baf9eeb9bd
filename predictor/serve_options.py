"""What to serve, where and how: one value, and its form on the command lines of supervisor and worker."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from predictor.tls import Tls
from searchrank.store_address import STORE_VARIABLE

__all__ = ["ServeOptions"]

_KINDS: Final[dict[str, Callable[[str], object]]] = {
    "host": str,
    "port": int,
    "workers": int,
    "metrics-port": int,
    "serving-log": float,
    "store": str,
    "drain-seconds": float,
    "max-connection-age": float,
    "log-format": str,
    "only": str,
    "tls-certificate": Path,
    "tls-key": Path,
    "tls-client-ca": Path,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """What to serve, where and how.

    Attributes:
        home: The workspace's folder.
        host: Address to listen on.
        port: Port of the first worker, the others follow; 0 finds free ones.
        workers: Processes.
        metrics_port: Port of the first worker's metrics, the others follow; 0 means none.
        serving_log: Share of the requests that the serving log keeps, 0 to 1.
        store: Address of the server that keeps users (``StoreAddress``); empty: every worker keeps them.
        tls: What connections are encrypted with; None: nothing.
        drain_seconds: How long a worker that stops goes on answering after it said so, for balancers to notice.
        max_connection_age: Seconds after which callers are asked to connect anew, give or take a tenth; 0: never.
        only: ``recall``: answer ``Recall`` alone, write neither the event log nor the serving log; empty: everything.
        log_format: What the log of workers and supervisor looks like: ``text`` or ``json``.
    """

    home: Path
    host: str = "127.0.0.1"
    port: int = 50051
    workers: int = 2
    metrics_port: int = 0
    serving_log: float = 1.0
    store: str = ""
    tls: Tls | None = None
    drain_seconds: float = 0.0
    max_connection_age: float = 0.0
    log_format: str = "text"
    only: str = ""

    @classmethod
    def parse(cls, arguments: Sequence[str] | None, program: str) -> ServeOptions:
        """Return what ``arguments`` of such an object say, or those of the process; the rest has its default."""
        parser = argparse.ArgumentParser(prog=program)
        parser.add_argument("--home", type=Path, required=True)
        for name, kind in _KINDS.items():
            parser.add_argument(f"--{name}", type=kind, default=argparse.SUPPRESS)
        told = {"store": os.environ.get(STORE_VARIABLE, ""), **vars(parser.parse_args(arguments))}
        tls = Tls.of(*(told.pop(f"tls_{name}", None) for name in ("certificate", "key", "client_ca")))
        return cls(tls=tls, **told)

    def arguments(self) -> list[str]:
        """Return all of it as options of a command."""
        tls = self.tls or Tls()
        given = {
            "home": self.home,
            "host": self.host,
            "port": self.port,
            "workers": self.workers,
            "metrics-port": self.metrics_port,
            "serving-log": self.serving_log,
            "store": None if self.store == os.environ.get(STORE_VARIABLE, "") else self.store,  # it may hold a password
            "drain-seconds": self.drain_seconds,
            "max-connection-age": self.max_connection_age,
            "log-format": self.log_format,
            "only": self.only or None,
            "tls-certificate": tls.certificate,
            "tls-key": tls.key,
            "tls-client-ca": tls.ca,
        }
        return [word for name, value in given.items() if value is not None for word in (f"--{name}", str(value))]
