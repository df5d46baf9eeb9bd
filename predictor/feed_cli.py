"""The verb ``feed``: what users do, kept in a server that many workers read."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Annotated

import typer

from predictor.cli import DEFAULT_HOME
from searchrank.cli import Home, workspace
from searchrank.errors import ConfigError
from searchrank.store_address import STORE_HELP, STORE_VARIABLE, StoreAddress

if TYPE_CHECKING:
    from searchrank.workspace import Workspace

__all__ = ["feed"]

Store = Annotated[str, typer.Option(envvar=STORE_VARIABLE, help=STORE_HELP)]


def feed(store: Store, home: Home = DEFAULT_HOME) -> None:
    """Keep Valkey or Redis filled with what users do, from the event log, until interrupted.

    Stop it and start it as you like: it goes on where the server was left. Several may run at once.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    asyncio.run(_fed(workspace(home), StoreAddress.parse(store)))


async def _fed(place: Workspace, address: StoreAddress) -> None:
    """Feed until cancelled.

    Raises:
        ConfigError: When the client library is not installed.
    """
    try:
        from searchrank.state.feeding import Feeding  # noqa: PLC0415 - the client is an extra
        from searchrank.state.valkey import connect  # noqa: PLC0415
    except ModuleNotFoundError:
        raise ConfigError("feeding needs the client: pip install 'searchrank[valkey]'") from None
    client = connect(address)
    feeding = Feeding(client, place, project=address.project)
    try:
        await feeding.run()
    finally:
        await feeding.close()
        await client.aclose()
