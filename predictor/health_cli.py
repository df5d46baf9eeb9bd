"""The verb that asks workers whether they serve: ``health``, for people and for the health checks of containers."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from predictor.connection import DEFAULT_TARGETS, Ca, Certificate, Key, ServerName, Targets, tls_of
from searchrank.cli import Json, emit
from searchrank.errors import UnavailableError

__all__ = ["health"]


def health(  # noqa: PLR0913, PLR0917 - one option each
    target: Targets = None,
    tls_ca: Ca = None,
    tls_certificate: Certificate = None,
    tls_key: Key = None,
    tls_server_name: ServerName = "",
    timeout: Annotated[float, typer.Option("--timeout", min=0.001, help="Seconds to wait for each worker.")] = 2.0,
    as_json: Json = False,
) -> None:
    """Ask workers whether they serve, and what drifts; fails unless all of them serve.

    Raises:
        UnavailableError: When one does not.
    """
    from predictor.health import health_of  # noqa: PLC0415 - a verb imports what it runs

    tls = tls_of(tls_ca, tls_certificate, tls_key, tls_server_name)
    told = {worker: health_of(worker, tls, timeout) for worker in target or DEFAULT_TARGETS}
    states = {worker: one.state for worker, one in told.items()}
    if as_json:
        emit({"workers": states, "drift": {worker: list(one.drift) for worker, one in told.items() if one.drift}})
    else:
        for worker, one in told.items():
            sys.stdout.write("".join(f"{worker}: {words}\n" for words in (one.state, *one.drift)))
    away = [worker for worker, state in states.items() if state != "SERVING"]
    if away:
        raise UnavailableError(f"{len(away)} of {len(states)} do not serve: {', '.join(away)}")
