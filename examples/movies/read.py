"""MovieLens as published: ``ratings.csv``, ``movies.csv`` and ``tags.csv`` into typed columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from searchrank.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Movies", "Ratings", "Tags", "read_movielens"]

Ints = npt.NDArray[np.int64]

_SOURCE: Final = "https://grouplens.org/datasets/movielens/latest/ (ml-latest-small.zip)"
_SECOND_US: Final = 1_000_000
_COLUMNS: Final = {
    "ratings.csv": {"userId": pa.int64(), "movieId": pa.int64(), "rating": pa.float64(), "timestamp": pa.int64()},
    "movies.csv": {"movieId": pa.int64(), "title": pa.string(), "genres": pa.string()},
    "tags.csv": {"userId": pa.int64(), "movieId": pa.int64(), "tag": pa.string(), "timestamp": pa.int64()},
}


@dataclass(frozen=True, slots=True)
class Ratings:
    """Ratings in the order of the file, columns of shape ``(n,)``.

    Attributes:
        user: Id of the user.
        movie: Id of the movie.
        stars: 0.5 to 5.
        time: Microseconds UTC.
    """

    user: Ints
    movie: Ints
    stars: npt.NDArray[np.float64]
    time: Ints

    def __len__(self) -> int:
        return len(self.user)

    def take(self, rows: npt.NDArray[np.bool_] | Ints) -> Ratings:
        """Return some of the ratings, by mask or by row."""
        return Ratings(self.user[rows], self.movie[rows], self.stars[rows], self.time[rows])


@dataclass(frozen=True, slots=True)
class Tags:
    """Free-text tags in the order of the file.

    Attributes:
        user: Id of the user, shape ``(n,)``.
        movie: Id of the movie, shape ``(n,)``.
        text: As typed, an Arrow string array of length n.
        time: Microseconds UTC, shape ``(n,)``.
    """

    user: Ints
    movie: Ints
    text: pa.Array
    time: Ints

    def __len__(self) -> int:
        return len(self.user)

    def take(self, rows: npt.NDArray[np.bool_]) -> Tags:
        """Return the tags of a mask."""
        return Tags(self.user[rows], self.movie[rows], self.text.filter(pa.array(rows)), self.time[rows])


@dataclass(frozen=True, slots=True)
class Movies:
    """The three files.

    Attributes:
        ids: Movie ids in the order of ``movies.csv``, shape ``(movies,)``.
        titles: Titles with their year, an Arrow string array.
        genres: Genres as in the file, separated by ``|``.
        ratings: All ratings.
        tags: All tags.
    """

    ids: Ints
    titles: pa.Array
    genres: pa.Array
    ratings: Ratings
    tags: Tags


def read_movielens(folder: Path) -> Movies:
    """Read a MovieLens folder.

    Raises:
        DataError: When a file is missing or is not what MovieLens publishes; names the file and where to get the set.
    """
    ratings, movies, tags = (_read(folder / name) for name in _COLUMNS)
    return Movies(
        ids=_numbers(movies, "movieId"),
        titles=movies.column("title").combine_chunks(),
        genres=movies.column("genres").combine_chunks(),
        ratings=Ratings(
            user=_numbers(ratings, "userId"),
            movie=_numbers(ratings, "movieId"),
            stars=ratings.column("rating").to_numpy(),
            time=_numbers(ratings, "timestamp") * _SECOND_US,
        ),
        tags=Tags(
            user=_numbers(tags, "userId"),
            movie=_numbers(tags, "movieId"),
            text=pc.utf8_trim_whitespace(tags.column("tag")).combine_chunks(),
            time=_numbers(tags, "timestamp") * _SECOND_US,
        ),
    )


def _numbers(table: pa.Table, name: str) -> Ints:
    numbers: Ints = table.column(name).to_numpy()
    return numbers


def _read(path: Path) -> pa.Table:
    columns = _COLUMNS[path.name]
    if not path.is_file():
        raise DataError(f"{path} is missing; MovieLens is at {_SOURCE}")
    options = csv.ConvertOptions(column_types=columns, include_columns=list(columns), strings_can_be_null=False)
    try:
        table = csv.read_csv(str(path), convert_options=options)
    except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
        raise DataError(f"{path} is not a MovieLens file: {error}; the set is at {_SOURCE}") from error
    for name in columns:
        if table.column(name).null_count:
            row = pc.index(pc.is_null(table.column(name)), value=True).as_py()
            raise DataError(f"{path}: record {row + 1} has no value", field=name)
    return table
