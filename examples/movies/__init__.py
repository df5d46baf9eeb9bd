"""MovieLens: a reader for the published files, the evaluation protocol, and the same workspace form as the city's.

>>> movies = read_movielens(folder)                                  # doctest: +SKIP
>>> parts = split(movies.ratings)                                    # doctest: +SKIP
>>> write_movies(workspace, movies, parts.train, parts.known(movies.tags), progress)    # doctest: +SKIP
"""

from examples.movies.fitting import Fitted, columns_of, fit_levels, release_draft
from examples.movies.level import SURFACE, Level, Lists
from examples.movies.measure import measure, ranked
from examples.movies.read import Movies, Ratings, Tags, read_movielens
from examples.movies.split import LIKED, Split, split
from examples.movies.write import item_table, write_movies

__all__ = [
    "LIKED",
    "SURFACE",
    "Fitted",
    "Level",
    "Lists",
    "Movies",
    "Ratings",
    "Split",
    "Tags",
    "columns_of",
    "fit_levels",
    "item_table",
    "measure",
    "ranked",
    "read_movielens",
    "release_draft",
    "split",
    "write_movies",
]
