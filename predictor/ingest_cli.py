"""The verbs that write to a running server: ``ingest`` and ``feedback``."""

from __future__ import annotations

import sys
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from predictor.cli import DEFAULT_HOME
from predictor.connection import Ca, Certificate, Key, ServerName, Targets, connect, tls_of
from searchrank.cli import Home, Json, emit
from searchrank.errors import DataError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from predictor.writing import Change
    from searchrank.features.inputs import Input

__all__ = ["feedback", "ingest"]

BATCH = 1_000
Wait = Annotated[float, typer.Option("--timeout", help="Seconds to keep trying for each call.")]


def ingest(  # noqa: PLR0913, PLR0917 - one option each
    file: Annotated[str, typer.Argument(help="JSON lines, one change each; - reads standard input.")],
    target: Targets = None,
    tls_ca: Ca = None,
    tls_certificate: Certificate = None,
    tls_key: Key = None,
    tls_server_name: ServerName = "",
    timeout: Wait = 10.0,
    batch: Annotated[int, typer.Option(min=1, max=10_000, help="Lines sent together; 1 for a live pipe.")] = BATCH,
    home: Home = DEFAULT_HOME,
    as_json: Json = False,
) -> None:
    """Write changes of items and users, and what people did, to the running server.

    A line is a row of the event log as a JSON object: event_id (unique for ever), kind, event_time (ISO 8601 with a
    time zone; left out: now), then what the kind needs:

    {"event_id": "1", "kind": "put_item", "item_id": "tea-7", "item.price": 3.5, "item.title": "green tea"}

    {"event_id": "2", "kind": "delete_item", "item_id": "tea-8"}

    {"event_id": "3", "kind": "put_user", "user_id": "ann", "user.age": 30}

    {"event_id": "4", "kind": "delete_user", "user_id": "bob"}

    {"event_id": "5", "kind": "link", "user_id": "ann", "linked_id": "phone-12"}

    {"event_id": "6", "kind": "click", "user_id": "ann", "item_id": "tea-7", "request_id": "r1", "position": 0}

    A point is a list of latitude and longitude, a vector a list of numbers, a map an object, a time a text. The types
    are those of features.yaml under --home. A put replaces the whole document. Lines are sent in order. When the
    command fails, run it again with the same file: what was written is known by its event id and not counted twice.
    """
    from searchrank.features import FeatureSet  # noqa: PLC0415 - a verb imports what it runs

    features = home / "features.yaml"
    declared = FeatureSet.load(features).inputs if features.is_file() else {}
    accepted = duplicates = offset = 0
    with connect(target, tls_of(tls_ca, tls_certificate, tls_key, tls_server_name)) as client:
        for changes in _batches(_lines(file), declared, batch):
            done = client.ingest(changes, timeout=timeout)
            offset, accepted, duplicates = done.offset, accepted + done.accepted, duplicates + done.duplicates
    _tell(offset, accepted, duplicates, as_json=as_json)


def _lines(file: str) -> Iterator[str]:
    if file == "-":
        yield from sys.stdin
        return
    try:
        with Path(file).open(encoding="utf-8") as lines:
            yield from lines
    except FileNotFoundError:
        raise NotFoundError(f"there is no file {file}; - reads standard input") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{file} is not UTF-8: {error.reason}") from None


def _batches(lines: Iterator[str], declared: Mapping[str, Input], size: int) -> Iterator[list[Change]]:
    """Give changes in batches; those before a wrong line are given before it is refused.

    Raises:
        DataError: When a line is wrong, or there are none.
    """
    from predictor.json_changes import read_change  # noqa: PLC0415 - a verb imports what it runs

    refused: DataError | None = None

    def changes() -> Iterator[Change]:
        nonlocal refused
        for number, line in enumerate(lines, start=1):
            try:
                if line.strip():
                    yield read_change(line, declared)
            except DataError as error:
                refused = DataError(f"line {number}: {error}")
                return

    rest = changes()
    batch = list(islice(rest, size))
    if not batch and refused is None:
        raise DataError("there are no changes in it; 'searchrank ingest --help' shows what a line is")
    while batch:
        yield batch
        batch = list(islice(rest, size))
    if refused is not None:
        raise refused


def feedback(  # noqa: PLR0913, PLR0917 - one option each
    request_id: Annotated[str, typer.Option(help="The answer's request id, as search --json tells it.")],
    item: Annotated[str, typer.Option(help="Id of the item.")],
    kind: Annotated[str, typer.Option(help="What was done: click, order, …")] = "click",
    position: Annotated[int | None, typer.Option(min=0, help="Place of the item in the answer, from 0.")] = None,
    value: Annotated[float | None, typer.Option(help="What the kind says: stars, money.")] = None,
    user: Annotated[str, typer.Option(help="Who; as in the request.")] = "",
    surface: Annotated[str, typer.Option(help="Where it was shown.")] = "",
    event_id: Annotated[str, typer.Option(help="Unique for ever; left out: a new one.")] = "",
    target: Targets = None,
    tls_ca: Ca = None,
    tls_certificate: Certificate = None,
    tls_key: Key = None,
    tls_server_name: ServerName = "",
    timeout: Wait = 10.0,
    as_json: Json = False,
) -> None:
    """Tell the running server what a person did with an answer."""
    from predictor.query import Query  # noqa: PLC0415 - a verb imports what it runs
    from predictor.writing import Reaction  # noqa: PLC0415

    reaction = Reaction(item, kind, position=position, value=value)
    if event_id:
        reaction = replace(reaction, event_id=event_id)
    with connect(target, tls_of(tls_ca, tls_certificate, tls_key, tls_server_name)) as client:
        done = client.feedback(request_id, [reaction], Query(surface=surface, user_id=user), timeout=timeout)
    _tell(done.offset, done.accepted, done.duplicates, as_json=as_json)


def _tell(offset: int, accepted: int, duplicates: int, *, as_json: bool) -> None:
    if as_json:
        emit({"offset": offset, "accepted": accepted, "duplicates": duplicates})
    else:
        sys.stdout.write(f"written: {accepted:,}, there already: {duplicates:,}; the log reaches {offset:,}\n")
