"""The verbs that serve and that ask: ``serve``, ``search``, ``rank`` and ``explain``."""

from __future__ import annotations

import asyncio
import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from predictor.asking import Context, Filter, Ids, Moment, SurfaceName, Text, Timeout, User, make_query, read_sort
from predictor.connection import Ca, Certificate, Key, ServerName, Targets, connect, tls_of
from predictor.showing import arms_json, coverage_json, finding_json, number, show_table, shown, tell
from searchrank.cli import Home, Json, emit
from searchrank.errors import ConfigError
from searchrank.store_address import STORE_HELP, STORE_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from predictor.answers import Finding, SearchResult
    from predictor.client import Client
    from predictor.query import Query

__all__ = ["explain", "rank", "search", "serve"]

DEFAULT_HOME = Path(".searchrank")
_SHARES = {"on": 1.0, "off": 0.0}
_VERDICTS = {True: "kept by the filter", False: "removed by the filter", None: "removed: a value is missing"}


def serve(  # noqa: PLR0913, PLR0917 - one option each
    home: Home = DEFAULT_HOME,
    workers: Annotated[int, typer.Option(min=1, max=256, help="Processes, each on a port of its own.")] = 2,
    port: Annotated[int, typer.Option(min=0, max=65535, help="First port; 0 finds free ones.")] = 50051,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    metrics_port: Annotated[int, typer.Option(min=0, help="First Prometheus port; 0: none.")] = 0,
    serving_log: Annotated[
        str, typer.Option("--serving-log", help="Log what is answered: on, off, or a share of requests such as 0.1.")
    ] = "on",
    store: Annotated[str, typer.Option(envvar=STORE_VARIABLE, help=f"{STORE_HELP} Empty: workers keep users.")] = "",
    tls_certificate: Annotated[Path | None, typer.Option(help="Certificate chain to show; encrypts.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Private key of the certificate.")] = None,
    tls_client_ca: Annotated[
        Path | None, typer.Option(help="Take only callers with certificates signed by it.")
    ] = None,
    drain_seconds: Annotated[float, typer.Option(min=0, max=600, help="Go on answering so long when stopping.")] = 0.5,
    max_connection_age: Annotated[
        float, typer.Option(min=0, help="Seconds until callers connect anew; 0: never.")
    ] = 300,
    only: Annotated[str, typer.Option(help="'recall': answer Recall alone, beside another server; logs nothing.")] = "",
    log_format: Annotated[str, typer.Option(help="Form of the log's lines: text or json.")] = "text",
    as_json: Json = False,
) -> None:
    """Serve the live releases over gRPC until interrupted.

    Raises:
        ConfigError: When something else than recall is to be served alone.
    """
    from predictor.log_lines import set_up_log  # noqa: PLC0415 - a verb imports what it runs
    from predictor.serve_options import ServeOptions  # noqa: PLC0415
    from predictor.supervisor import Supervisor  # noqa: PLC0415
    from predictor.tls import Tls  # noqa: PLC0415

    set_up_log(log_format)
    if only not in {"", "recall"}:
        raise ConfigError(f"{only!r} cannot be served alone, only 'recall' can", field="--only")

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
        store=store,
        tls=Tls.of(tls_certificate, tls_key, tls_client_ca),
        drain_seconds=drain_seconds,
        log_format=log_format,
        only=only,
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
    limit: Annotated[int, typer.Option(min=0, help="Items on a page; 0: the surface's default.")] = 0,
    filter_: Filter = "",
    sort: Annotated[
        list[str] | None, typer.Option(help="Order by this instead of the score: 'item.price' or 'item.price desc'.")
    ] = None,
    page: Annotated[str, typer.Option(help="Token of the page to show, from the page before it.")] = "",
    all_pages: Annotated[bool, typer.Option("--all", help="Show all pages.")] = False,
    context: Context = None,
    time: Moment = None,
    target: Targets = None,
    tls_ca: Ca = None,
    tls_certificate: Certificate = None,
    tls_key: Key = None,
    tls_server_name: ServerName = "",
    timeout: Timeout = 2.0,
    home: Home = DEFAULT_HOME,
    as_json: Json = False,
) -> None:
    """Search the running server and say what found each item."""
    from predictor.titles import titles  # noqa: PLC0415 - a verb imports what it runs

    wanted = {"limit": limit, "filter": filter_, "sort": read_sort(sort or ()), "page_token": page}
    asked = make_query(surface=surface, user=user, text=query, context=context, time=time, **wanted)
    with connect(target, tls_of(tls_ca, tls_certificate, tls_key, tls_server_name)) as client:
        pages = _pages(client, asked, timeout, every=all_pages)
    names = titles(home, surface, [item for found in pages for item in found.ids])
    if as_json:
        emit(_search_json(pages, names))
    else:
        _show_search(query or "for you", pages, names)


def _pages(client: Client, asked: Query, timeout: float, *, every: bool) -> list[SearchResult]:
    """Return the page asked for, and those after it if every one is wanted."""
    found = [client.search(asked, timeout=timeout)]
    while every and found[-1].next_page_token:
        found.append(client.search(replace(asked, page_token=found[-1].next_page_token), timeout=timeout))
    return found


def _lines(pages: Sequence[SearchResult]) -> list[tuple[str, float, tuple[Finding, ...]]]:
    """Return id, score and the branches that found it, of every item."""
    return [line for page in pages for line in zip(page.ids, page.scores.tolist(), page.found_by, strict=True)]


def _search_json(pages: Sequence[SearchResult], names: Sequence[str]) -> dict[str, Any]:
    first = pages[0]
    return {
        "request_id": first.request_id,
        "state_offset": first.state_offset,
        "release": first.release.name,
        "version": first.release.version,
        "candidates": first.candidates,
        "position": first.position,
        "next_page_token": pages[-1].next_page_token,
        "items": [
            {"id": item, "title": name, "score": number(score), "found_by": [finding_json(f) for f in found]}
            for (item, score, found), name in zip(_lines(pages), names, strict=True)
        ],
        **arms_json(first.arms),
        **coverage_json(first.coverage),
    }


def _show_search(title: str, pages: Sequence[SearchResult], names: Sequence[str]) -> None:
    first = pages[0]
    rows = [
        (name or item, item, shown(score), ", ".join(f"{f.branch} #{f.rank}" for f in found))
        for (item, score, found), name in zip(_lines(pages), names, strict=True)
    ]
    heads = ["title", "id", "score", "found by"]
    show_table(f"{title}: {first.candidates} candidates", heads, rows, first.position + 1)
    tell(first.release.name, first.release.version, first.coverage)
    if pages[-1].next_page_token:
        sys.stdout.write("there is more: --all shows it, --json ends with the token for --page\n")


def rank(  # noqa: PLR0913, PLR0917 - one option each
    ids: Ids,
    query: Text = "",
    user: User = "",
    surface: SurfaceName = "",
    filter_: Filter = "",
    context: Context = None,
    time: Moment = None,
    target: Targets = None,
    tls_ca: Ca = None,
    tls_certificate: Certificate = None,
    tls_key: Key = None,
    tls_server_name: ServerName = "",
    timeout: Timeout = 2.0,
    home: Home = DEFAULT_HOME,
    as_json: Json = False,
) -> None:
    """Rank given items on the running server."""
    from predictor.titles import titles  # noqa: PLC0415 - a verb imports what it runs

    with connect(target, tls_of(tls_ca, tls_certificate, tls_key, tls_server_name)) as client:
        asked = make_query(surface=surface, user=user, text=query, context=context, time=time, filter=filter_)
        result = client.rank(asked, ids, timeout=timeout)
    names = titles(home, surface, [str(item) for item in result.ids])
    unknown = {ids[position] for position in result.unknown.tolist()}
    lines = zip(result.ids, names, result.scores.tolist(), strict=True)
    if as_json:
        items = [{"id": i, "title": n, "score": number(s), "unknown": i in unknown} for i, n, s in lines]
        emit(
            {
                "request_id": result.request_id,
                "state_offset": result.state_offset,
                "items": items,
                **arms_json(result.arms),
                **coverage_json(result.coverage),
            }
        )
        return
    rows = [(n or str(i), str(i), shown(s), "not in the catalogue" if i in unknown else "") for i, n, s in lines]
    show_table("ranked", ["title", "id", "score", ""], rows)
    tell(result.release.name, result.release.version, result.coverage)


def explain(  # noqa: PLR0913, PLR0917 - one option each
    ids: Ids,
    query: Text = "",
    user: User = "",
    surface: SurfaceName = "",
    filter_: Filter = "",
    context: Context = None,
    time: Moment = None,
    target: Targets = None,
    tls_ca: Ca = None,
    tls_certificate: Certificate = None,
    tls_key: Key = None,
    tls_server_name: ServerName = "",
    timeout: Timeout = 5.0,
    as_json: Json = False,
) -> None:
    """Say why items get their scores: what the model read and what each column adds."""
    with connect(target, tls_of(tls_ca, tls_certificate, tls_key, tls_server_name)) as client:
        asked = make_query(surface=surface, user=user, text=query, context=context, time=time, filter=filter_)
        told = client.explain(asked, ids, timeout=timeout)
    parts = told.contributions if len(told.contributions) else [[math.nan] * len(told.columns)] * len(told.ids)
    verdicts = dict(zip(told.ids, told.verdicts, strict=False))  # none without a filter
    items = []
    for item, score, values, added, found in zip(
        told.ids, told.scores.tolist(), told.features, parts, told.found_by, strict=True
    ):
        columns = sorted(zip(told.columns, values, added, strict=True), key=lambda part: -abs(part[2]))
        items.append((item, score, columns, found))
    if as_json:
        listed = [
            {
                "id": item,
                "score": number(score),
                "kept": verdicts.get(item),
                "columns": {name: {"value": number(v), "adds": number(a)} for name, v, a in columns},
                "found_by": [finding_json(f) for f in found],
            }
            for item, score, columns, found in items
        ]
        emit({"base_score": told.base_score, "items": listed, **arms_json(told.arms), **coverage_json(told.coverage)})
        return
    for item, score, columns, found in items:
        by = ", ".join(f"{f.branch} #{f.rank}" for f in found) or "no branch"
        rows = [(name, shown(value), shown(added)) for name, value, added in columns]
        show_table(f"{item}: {shown(score)}, found by {by}", ["column", "value", "adds"], rows)
    for item, kept in verdicts.items():
        sys.stdout.write(f"{item}: {_VERDICTS[kept]}\n")
    sys.stdout.write(f"every score begins at {shown(told.base_score)}\n")
