"""The verbs that serve and that ask: ``serve``, ``search``, ``rank`` and ``explain``."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from predictor.connection import Ca, Certificate, Key, Targets, connect
from searchrank.cli import Home, Json, emit
from searchrank.errors import ConfigError, RequestError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from predictor.answers import Arm, Coverage, Finding
    from predictor.query import Query

__all__ = ["explain", "rank", "search", "serve"]

DEFAULT_HOME = Path(".searchrank")
_SHARES = {"on": 1.0, "off": 0.0}
SurfaceName = Annotated[str, typer.Option("--surface", help="Surface to ask; needed when the project has several.")]
User = Annotated[str, typer.Option("--user", help="Who asks.")]
Text = Annotated[str, typer.Option("--query", help="Text typed.")]
Context = Annotated[
    list[str] | None, typer.Option("--context", help="NAME=JSON of a request input, such as user.age=30.")
]
Moment = Annotated[
    datetime | None,
    typer.Option("--time", formats=["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d"], help="UTC moment to answer for; default: now."),
]
Timeout = Annotated[float, typer.Option("--timeout", help="Seconds to wait for the answer.")]
Ids = Annotated[list[str], typer.Argument(help="Ids of the items.")]


def serve(  # noqa: PLR0913, PLR0917 - one option each
    home: Home = DEFAULT_HOME,
    workers: Annotated[int, typer.Option(min=1, max=256, help="Processes, each on a port of its own.")] = 2,
    port: Annotated[int, typer.Option(min=0, max=65535, help="First port; 0 finds free ones.")] = 50051,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    metrics_port: Annotated[int, typer.Option(min=0, help="First Prometheus port; 0: none.")] = 0,
    serving_log: Annotated[
        str, typer.Option("--serving-log", help="Log what is answered: on, off, or a share of requests such as 0.1.")
    ] = "on",
    tls_certificate: Annotated[Path | None, typer.Option(help="Certificate chain to show; encrypts.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Private key of the certificate.")] = None,
    tls_client_ca: Annotated[
        Path | None, typer.Option(help="Take only callers with certificates signed by it.")
    ] = None,
    drain_seconds: Annotated[float, typer.Option(min=0, max=600, help="Go on answering so long when stopping.")] = 0.5,
    max_connection_age: Annotated[
        float, typer.Option(min=0, help="Seconds until callers connect anew; 0: never.")
    ] = 300,
    as_json: Json = False,
) -> None:
    """Serve the live releases over gRPC until interrupted."""
    from predictor.serve_options import ServeOptions  # noqa: PLC0415 - a verb imports what it runs
    from predictor.supervisor import Supervisor  # noqa: PLC0415
    from predictor.tls import Tls  # noqa: PLC0415

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")

    def ready(targets: Sequence[str], pids: Sequence[int]) -> None:
        if as_json:
            emit({"ready": True, "targets": list(targets), "pids": list(pids)})
        else:
            sys.stderr.write(f"ready: {', '.join(targets)} (stop with Ctrl-C)\n")

    options = ServeOptions(
        home=home,
        host=host,
        port=port,
        workers=workers,
        metrics_port=metrics_port,
        serving_log=_share(serving_log),
        tls=Tls.of(tls_certificate, tls_key, tls_client_ca),
        drain_seconds=drain_seconds,
        max_connection_age=max_connection_age,
    )

    async def supervise() -> None:
        await Supervisor(options, ready).run()

    asyncio.run(supervise())


def _share(text: str) -> float:
    """Return the share of requests to log.

    Raises:
        ConfigError: When it is neither on nor off nor a share.
    """
    try:
        share = _SHARES[text] if text in _SHARES else float(text)
    except ValueError:
        share = math.nan
    if not 0 <= share <= 1:
        raise ConfigError(f"{text!r} is neither on nor off nor a share from 0 to 1", field="--serving-log")
    return share


def search(  # noqa: PLR0913, PLR0917 - one option each
    query: Annotated[str, typer.Argument(help="Text typed; may be empty.")] = "",
    user: User = "",
    surface: SurfaceName = "",
    limit: Annotated[int, typer.Option(min=0, help="Most items; 0: the surface's default.")] = 0,
    context: Context = None,
    time: Moment = None,
    target: Targets = None,
    tls_ca: Ca = None,
    tls_certificate: Certificate = None,
    tls_key: Key = None,
    timeout: Timeout = 2.0,
    home: Home = DEFAULT_HOME,
    as_json: Json = False,
) -> None:
    """Search the running server and say what found each item."""
    from predictor.titles import titles  # noqa: PLC0415 - a verb imports what it runs

    asked = _query(surface=surface, user=user, text=query, context=context, time=time, limit=limit)
    with connect(target, tls_ca, tls_certificate, tls_key) as client:
        result = client.search(asked, timeout=timeout)
    names = titles(home, surface, result.ids)
    if as_json:
        emit(
            {
                "request_id": result.request_id,
                "release": result.release.name,
                "version": result.release.version,
                "candidates": result.candidates,
                "items": [
                    {"id": item, "title": name, "score": _number(score), "found_by": [_finding(f) for f in found]}
                    for item, name, score, found in zip(
                        result.ids, names, result.scores.tolist(), result.found_by, strict=True
                    )
                ],
                **_arms(result.arms),
                **_coverage(result.coverage),
            }
        )
        return
    rows = [
        (name or item, item, _shown(score), ", ".join(f"{f.branch} #{f.rank}" for f in found))
        for item, name, score, found in zip(result.ids, names, result.scores.tolist(), result.found_by, strict=True)
    ]
    _table(f"{query or 'for you'}: {result.candidates} candidates", ["title", "id", "score", "found by"], rows)
    _tell(result.release.name, result.release.version, result.coverage)


def rank(  # noqa: PLR0913, PLR0917 - one option each
    ids: Ids,
    query: Text = "",
    user: User = "",
    surface: SurfaceName = "",
    context: Context = None,
    time: Moment = None,
    target: Targets = None,
    tls_ca: Ca = None,
    tls_certificate: Certificate = None,
    tls_key: Key = None,
    timeout: Timeout = 2.0,
    home: Home = DEFAULT_HOME,
    as_json: Json = False,
) -> None:
    """Rank given items on the running server."""
    from predictor.titles import titles  # noqa: PLC0415 - a verb imports what it runs

    with connect(target, tls_ca, tls_certificate, tls_key) as client:
        asked = _query(surface=surface, user=user, text=query, context=context, time=time)
        result = client.rank(asked, ids, timeout=timeout)
    names = titles(home, surface, [str(item) for item in result.ids])
    unknown = {ids[position] for position in result.unknown.tolist()}
    lines = zip(result.ids, names, result.scores.tolist(), strict=True)
    if as_json:
        items = [{"id": i, "title": n, "score": _number(s), "unknown": i in unknown} for i, n, s in lines]
        emit({"request_id": result.request_id, "items": items, **_arms(result.arms), **_coverage(result.coverage)})
        return
    rows = [(n or str(i), str(i), _shown(s), "not in the catalogue" if i in unknown else "") for i, n, s in lines]
    _table("ranked", ["title", "id", "score", ""], rows)
    _tell(result.release.name, result.release.version, result.coverage)


def explain(  # noqa: PLR0913, PLR0917 - one option each
    ids: Ids,
    query: Text = "",
    user: User = "",
    surface: SurfaceName = "",
    context: Context = None,
    time: Moment = None,
    target: Targets = None,
    tls_ca: Ca = None,
    tls_certificate: Certificate = None,
    tls_key: Key = None,
    timeout: Timeout = 5.0,
    as_json: Json = False,
) -> None:
    """Say why items get their scores: what the model read and what each column adds."""
    with connect(target, tls_ca, tls_certificate, tls_key) as client:
        asked = _query(surface=surface, user=user, text=query, context=context, time=time)
        told = client.explain(asked, ids, timeout=timeout)
    parts = told.contributions if len(told.contributions) else [[math.nan] * len(told.columns)] * len(told.ids)
    items = []
    for item, score, values, added, found in zip(
        told.ids, told.scores.tolist(), told.features, parts, told.found_by, strict=True
    ):
        columns = sorted(zip(told.columns, values, added, strict=True), key=lambda part: -abs(part[2]))
        items.append((item, score, columns, found))
    if as_json:
        shown = [
            {
                "id": item,
                "score": _number(score),
                "columns": {name: {"value": _number(v), "adds": _number(a)} for name, v, a in columns},
                "found_by": [_finding(f) for f in found],
            }
            for item, score, columns, found in items
        ]
        emit({"base_score": told.base_score, "items": shown, **_arms(told.arms), **_coverage(told.coverage)})
        return
    for item, score, columns, found in items:
        by = ", ".join(f"{f.branch} #{f.rank}" for f in found) or "no branch"
        rows = [(name, _shown(value), _shown(added)) for name, value, added in columns]
        _table(f"{item}: {_shown(score)}, found by {by}", ["column", "value", "adds"], rows)
    sys.stdout.write(f"every score begins at {_shown(told.base_score)}\n")


def _query(  # noqa: PLR0913 - one for each option
    *, surface: str, user: str, text: str, context: list[str] | None, time: datetime | None, limit: int = 0
) -> Query:
    from predictor.query import Query  # noqa: PLC0415 - a verb imports what it runs

    values = dict(_assignment(part) for part in context or ())
    moment = None if time is None else time.replace(tzinfo=UTC)
    return Query(surface=surface, user_id=user, text=text, time=moment, context=values, limit=limit)


def _assignment(part: str) -> tuple[str, Any]:
    """Return name and value of ``NAME=JSON``; a pair of numbers is a point, a bare word a text.

    Raises:
        RequestError: When there is no ``=``.
    """
    name, separator, words = part.partition("=")
    if not separator:
        raise RequestError(f"{part!r} is not NAME=JSON", field="--context")
    try:
        value = json.loads(words)
    except ValueError:
        value = words
    is_point = isinstance(value, list) and len(value) == 2 and not any(isinstance(v, str) for v in value)
    return name, tuple(value) if is_point else value


def _finding(found: Finding) -> dict[str, Any]:
    return {"branch": found.branch, "rank": found.rank, "score": _number(found.score)}


def _coverage(coverage: Coverage) -> dict[str, Any]:
    names = ("stage", "subject", "reason")
    left_out = [dict(zip(names, part, strict=True)) for part in coverage.degradations]
    return {"left_out": left_out, "stages_us": coverage.stages}


def _arms(arms: Sequence[Arm]) -> dict[str, Any]:
    return {"arms": [{"layer": a.layer, "experiment": a.experiment, "arm": a.arm} for a in arms]}


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _shown(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.4g}"


def _table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console  # noqa: PLC0415 - a verb imports what it runs
    from rich.markup import escape  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    table = Table("#", *heads, title=escape(title), title_justify="left")
    for place, row in enumerate(rows, start=1):
        table.add_row(str(place), *map(escape, row))
    Console().print(table)


def _tell(name: str, version: str, coverage: Coverage) -> None:
    spent = ", ".join(f"{stage} {us / 1000:.2f} ms" for stage, us in coverage.stages.items())
    sys.stdout.write(f"scored by {name} version {version}; {spent}\n")
    for stage, subject, reason in coverage.degradations:
        sys.stdout.write(f"left out: {stage} {subject}: {reason}\n")
