"""What is known of the movies at a cut, as a level that ranking is learnt from or judged by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from examples.movies.split import held_out_of
from examples.movies.write import write_movies
from recall import refresh_workspace
from trainer.levels import Level

if TYPE_CHECKING:
    from examples.movies.read import Movies
    from examples.movies.split import Split
    from searchrank.workspace import Workspace

__all__ = ["SURFACE", "make_level"]

SURFACE: Final = "movies"


def make_level(workspace: Workspace, movies: Movies, split: Split) -> Level:
    """Write the known part of a split into an empty workspace, index it, and open it.

    Raises:
        ConfigError: When the workspace has events already.
    """
    write_movies(workspace, movies, split.train, split.known(movies.tags), lambda _what, _share: None)
    refresh_workspace(workspace)
    return Level.open(workspace, SURFACE, held_out_of(split))
