"""Ports that workers will listen on, looked at before anything is spawned."""

from __future__ import annotations

import socket
from typing import Final

from searchrank.errors import ConflictError

__all__ = ["worker_ports"]

ATTEMPTS: Final = 50


def worker_ports(host: str, base: int, workers: int) -> list[int]:
    """Return the ports ``base``, ``base + 1``, … after making sure that all are free.

    Args:
        host: Address to listen on.
        base: First port; 0 finds a run of free ports.
        workers: How many ports.

    Raises:
        ConflictError: When a port is taken or may not be used; names it.
    """
    words = ""
    for _ in range(1 if base else ATTEMPTS):
        start = base or _any_port(host)
        ports = range(start, start + workers)
        words = next((f"{host}:{port}: {why}" for port in ports if (why := _why_busy(host, port))), "")
        if not words:
            return list(ports)
    raise ConflictError(f"cannot listen on {words}; choose another --port or stop what uses it")


def _any_port(host: str) -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _why_busy(host: str, port: int) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError) as error:
            return getattr(error, "strerror", "") or str(error)
    return ""
