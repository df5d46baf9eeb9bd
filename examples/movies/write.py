"""MovieLens as a workspace: a catalogue of movies and a log of what people rated, liked and tagged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from examples.files import copy_definitions, require_no_events, write_table
from examples.movies.split import LIKED
from searchrank.events import EventLog

if TYPE_CHECKING:
    import numpy.typing as npt

    from examples.files import Progress
    from examples.movies.read import Movies, Ratings, Tags
    from searchrank.workspace import Workspace

__all__ = ["item_table", "write_movies"]

_NO_GENRES: Final = "(no genres listed)"
_YEAR: Final = r"\((?P<year>[12][0-9]{3})\)\s*$"
_MOST_GENRES: Final = 3


def write_movies(workspace: Workspace, movies: Movies, ratings: Ratings, tags: Tags, progress: Progress) -> None:
    """Write the catalogue, the events and the definitions.

    Every rating is a ``rating`` with its stars in ``value``, from four stars on also a ``like``; a ``tag`` has its text
    in ``query``. MovieLens has no arrival times, so an event arrives when it happens.

    Args:
        workspace: Where; must have no events yet.
        movies: Gives the catalogue.
        ratings: Those to log: all of them, or the known part of a split.
        tags: Likewise; the catalogue's texts have no others.
        progress: Told what is being done.
    """
    require_no_events(workspace)
    copy_definitions(__package__, workspace)
    write_table(workspace.items, item_table(movies, tags))
    progress("importing MovieLens", 0.2)
    liked = ratings.take(ratings.stars >= LIKED)
    table = pa.concat_tables([_rating_events(ratings, "rating"), _rating_events(liked, "like"), _tag_events(tags)])
    table = table.take(pc.sort_indices(table, sort_keys=[("event_time", "ascending"), ("event_id", "ascending")]))
    progress("importing MovieLens", 0.6)
    with EventLog.open(workspace.events, writable=True) as log:
        log.append(table)
    progress("importing MovieLens", 1.0)


def item_table(movies: Movies, tags: Tags) -> pa.Table:
    """Return the catalogue: title, year, genres and a text of genres and tags, named after the inputs."""
    year = pc.struct_field(pc.extract_regex(movies.titles, pattern=_YEAR), "year")
    genres = pc.split_pattern(pc.if_else(pc.equal(movies.genres, _NO_GENRES), None, movies.genres), "|")
    ids = pa.array(movies.ids).cast(pa.string())
    words = pc.fill_null(pc.binary_join(genres, " "), "")
    table = pa.table(
        {
            "item_id": ids,
            "item.id": ids,
            "item.title": pc.utf8_trim_whitespace(
                pc.replace_substring_regex(movies.titles, pattern=_YEAR, replacement="")
            ),
            "item.text": pc.binary_join_element_wise(words, _tags_of(movies, tags), " "),
            "item.genres": genres,
            "item.year": year.cast(pa.float64()),
        }
    )
    for place in range(_MOST_GENRES):
        column = pc.list_element(pc.list_slice(genres, place, place + 1, return_fixed_size_list=True), 0)
        table = table.append_column(f"item.genre_{place + 1}", column)
    return table


def _tags_of(movies: Movies, tags: Tags) -> pa.Array:
    """Return each movie's distinct tags, joined; empty where it has none."""
    texts: dict[int, dict[str, None]] = {}
    for movie, text in zip(tags.movie.tolist(), tags.text.to_pylist(), strict=True):
        texts.setdefault(movie, {})[text.lower()] = None
    return pa.array([" ".join(texts.get(movie, ())) for movie in movies.ids.tolist()])


def _rating_events(ratings: Ratings, kind: str) -> pa.Table:
    names = _names(ratings.user, ratings.movie)
    return _events(kind, pc.binary_join_element_wise(kind, *names, "-"), names, ratings.time).append_column(
        "value", pa.array(ratings.stars)
    )


def _tag_events(tags: Tags) -> pa.Table:
    names = _names(tags.user, tags.movie)
    number = pa.array(np.arange(len(tags))).cast(pa.string())
    table = _events("tag", pc.binary_join_element_wise("tag", number, "-"), names, tags.time)
    table = table.append_column("value", pa.nulls(len(tags), pa.float64()))
    return table.set_column(table.column_names.index("query"), "query", tags.text)


def _names(user: npt.NDArray[np.int64], movie: npt.NDArray[np.int64]) -> tuple[pa.Array, pa.Array]:
    return pa.array(user).cast(pa.string()), pa.array(movie).cast(pa.string())


def _events(kind: str, ids: pa.Array, names: tuple[pa.Array, pa.Array], time: npt.NDArray[np.int64]) -> pa.Table:
    users, items = names
    when = pa.array(time, pa.timestamp("us", "UTC"))
    return pa.table(
        {
            "event_id": ids,
            "kind": pa.array([kind] * len(time), pa.string()),
            "event_time": when,
            "arrival_time": when,
            "user_id": users,
            "item_id": items,
            "query": pa.nulls(len(time), pa.string()),
            "surface": pa.array(["movies"] * len(time), pa.string()),
        }
    )
