"""The verb ``demo``."""

from __future__ import annotations

import signal
import sys
import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from searchrank.cli import Json, emit
from searchrank.errors import ConfigError
from trainer.extra import require_training

if TYPE_CHECKING:
    from collections.abc import Mapping

    from examples.demo.run import Place, World

__all__ = ["demo"]

_EVENTS: Final = 250_000
_ITEMS: Final = 2_000
_SEED: Final = 7


class Name(StrEnum):
    """The worlds there are."""

    CITY = "city"
    MOVIES = "movies"


def demo(  # noqa: PLR0913, PLR0917 - one parameter an option
    world: Annotated[Name, typer.Argument(help="city: a simulated marketplace; movies: MovieLens.")] = Name.CITY,
    home: Annotated[Path, typer.Option(help="Folder to work in; a new one, or an earlier demo's.")] = Path(
        "searchrank-demo"
    ),
    items: Annotated[int | None, typer.Option(help=f"City: places (default {_ITEMS:,}).")] = None,
    events: Annotated[int | None, typer.Option(help=f"City: events, about (default {_EVENTS:,}).")] = None,
    seed: Annotated[int | None, typer.Option(help=f"City: another seed is another city (default {_SEED}).")] = None,
    data: Annotated[Path | None, typer.Option(help="Movies: folder with ratings.csv, movies.csv, tags.csv.")] = None,
    project: Annotated[Path | None, typer.Option(help="Folder of a project of your own, instead of a world.")] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Serving processes.")] = 2,
    port: Annotated[int, typer.Option(min=0, max=65535, help="First port; 0 finds free ones.")] = 0,
    keep_serving: Annotated[bool, typer.Option("--keep-serving", help="Go on serving until Ctrl-C.")] = False,
    json: Json = False,
) -> None:
    """Make a world, or take a project of your own, learn to rank it, serve it and search it: the whole path at once."""
    started = time.monotonic()
    size = {"items": items, "events": events, "seed": seed}
    made = _world(world, size, data) if project is None else _own(size, data)
    require_training()
    from examples.demo.folder import fresh, mark  # noqa: PLC0415 - a verb imports what it runs
    from examples.demo.run import Place, Serving, run  # noqa: PLC0415 - as above
    from examples.demo.stages import tell  # noqa: PLC0415 - as above

    place = Place(fresh(home, tell), mark) if project is None else _existing(project)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    serving = Serving(workers=workers, port=port, keep=keep_serving)
    figures = run(made, place, serving, started=started, json=json)
    if json:
        emit(figures)


def _world(name: Name, size: Mapping[str, int | None], data: Path | None) -> World:
    """Return the world that the options describe, checked before anything is made.

    Raises:
        ConfigError: When options do not go together, or one is missing or too small.
        DataError: When the data are not MovieLens.
    """
    if name is Name.MOVIES:
        return _movies(size, data)
    if data is not None:
        raise ConfigError("goes with 'searchrank demo movies'; the city needs no data", field="--data")
    from examples.city.size import CitySize  # noqa: PLC0415 - a verb imports what it runs

    chosen: dict[str, Any] = {"items": _ITEMS, "events": _EVENTS, "seed": _SEED}
    checked = CitySize(**chosen | {option: value for option, value in size.items() if value is not None})
    from examples.demo.city import CityDemo  # noqa: PLC0415 - as above

    return CityDemo(checked)


def _own(size: Mapping[str, int | None], data: Path | None) -> World:
    """Return a project of somebody's own.

    Raises:
        ConfigError: When an option of a world was given.
    """
    for option, value in {**size, "data": data}.items():
        if value is not None:
            raise ConfigError("does not go with --project, whose data are its own", field=f"--{option}")
    from examples.demo.project import ProjectDemo  # noqa: PLC0415 - a verb imports what it runs

    return ProjectDemo()


def _existing(project: Path) -> Place:
    """Return the folder of somebody's own project, of which nothing is removed."""
    from examples.demo.project import existing  # noqa: PLC0415 - a verb imports what it runs
    from examples.demo.run import Place  # noqa: PLC0415 - as above

    return Place(existing(project))


def _movies(size: Mapping[str, int | None], data: Path | None) -> World:
    """Return the movies.

    Raises:
        ConfigError: When there is no folder, or an option of the city was given.
    """
    for option, value in size.items():
        if value is not None:
            raise ConfigError("goes with 'searchrank demo city'; MovieLens is as large as it is", field=f"--{option}")
    if data is None:
        raise ConfigError(
            "name the folder with ratings.csv, movies.csv and tags.csv; "
            "ml-latest-small.zip is at https://grouplens.org/datasets/movielens/latest/",
            field="--data",
        )
    from examples.demo.movies import MoviesDemo  # noqa: PLC0415 - a verb imports what it runs
    from examples.movies import read_movielens  # noqa: PLC0415 - as above

    return MoviesDemo(read_movielens(data))
