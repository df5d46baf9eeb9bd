"""MovieLens: a reader for the published files, the evaluation protocol, and the same workspace form as the city's.

>>> movies = read_movielens(folder)                                  # doctest: +SKIP
>>> parts = split(movies.ratings)                                    # doctest: +SKIP
>>> write_movies(workspace, movies, parts.train, parts.known(movies.tags), progress)    # doctest: +SKIP
"""

from examples.movies.level import SURFACE, make_level
from examples.movies.read import Movies, Ratings, Tags, read_movielens
from examples.movies.split import LIKED, Split, held_out_of, split
from examples.movies.write import item_table, write_movies

__all__ = [
    "LIKED",
    "SURFACE",
    "Movies",
    "Ratings",
    "Split",
    "Tags",
    "held_out_of",
    "item_table",
    "make_level",
    "read_movielens",
    "split",
    "write_movies",
]
