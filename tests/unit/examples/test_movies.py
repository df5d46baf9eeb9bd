"""MovieLens is read as published, split as the protocol says, and written as events."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from examples.movies import Ratings, Tags, item_table, read_movielens, split, write_movies
from searchrank.errors import ConflictError, DataError
from searchrank.events import EventLog
from searchrank.features import FeatureSet, ModelInput
from searchrank.project import Project
from searchrank.workspace import Workspace

PUBLISHED = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "ml-latest-small"

FILES = {
    "ratings.csv": "userId,movieId,rating,timestamp\n1,10,4.0,100\n1,20,2.5,90\n2,10,5.0,50\n",
    "movies.csv": 'movieId,title,genres\n10,"Été, L\' (1999)",Comedy|Drama\n20,Untitled,(no genres listed)\n',
    "tags.csv": "userId,movieId,tag,timestamp\n1,10, Funny ,95\n2,10,late,60\n1,10,funny,96\n",
}


def ratings(*rows):
    user, movie, stars, time = zip(*rows, strict=True)
    return Ratings(np.array(user), np.array(movie), np.array(stars, float), np.array(time))


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "ml"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("name", list(FILES))
def test_a_missing_file_is_named_with_where_to_get_it(folder, name):
    (folder / name).unlink()
    with pytest.raises(DataError, match=rf"{name} is missing.*https://grouplens\.org"):
        read_movielens(folder)


@pytest.mark.parametrize(
    "text", ["", "a,b\n1,2\n", "userId,movieId,rating,timestamp\n1,x,4,5\n", "userId,movieId,rating,timestamp\n1,2\n"]
)
def test_a_file_that_is_something_else_is_named(folder, text):
    (folder / "ratings.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"ratings\.csv is not a MovieLens file"):
        read_movielens(folder)


def test_an_empty_cell_is_located(folder):
    (folder / "ratings.csv").write_text("userId,movieId,rating,timestamp\n1,2,4,5\n1,3,,6\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"^rating: .*ratings\.csv: record 2 has no value"):
        read_movielens(folder)


def test_the_last_fifth_by_time_is_held_out_rounded_up():
    rows = [(1, movie, 4.0, 100 - movie) for movie in range(6)] + [(2, 9, 3.0, 7)]
    parts = split(ratings(*rows))
    assert parts.train.movie.tolist() == [2, 3, 4, 5]
    assert parts.held_out.movie.tolist() == [0, 1, 9]
    assert parts.users.tolist() == [1]
    assert parts.cuts == {1: 98}


def test_equal_times_stay_in_the_order_of_the_file():
    parts = split(ratings(*[(1, movie, 4.0, 5) for movie in (7, 3, 9, 1, 5)]))
    assert parts.held_out.movie.tolist() == [5]


def test_tags_after_the_cut_and_of_unknown_users_are_not_known():
    parts = split(ratings(*[(1, movie, 4.0, 10 * movie) for movie in range(5)]))
    tags = Tags(np.array([1, 1, 2]), np.array([0, 0, 0]), pa.array(["in", "out", "who"]), np.array([30, 31, 0]))
    assert parts.known(tags).text.to_pylist() == ["in"]


def test_the_catalogue_has_year_genres_and_known_tags(folder):
    movies = read_movielens(folder)
    rows = item_table(movies, movies.tags).to_pylist()
    assert rows[0] == {
        "item_id": "10",
        "item.id": "10",
        "item.title": "Été, L'",
        "item.text": "Comedy Drama funny late",
        "item.genres": ["Comedy", "Drama"],
        "item.year": 1999.0,
        "item.genre_1": "Comedy",
        "item.genre_2": "Drama",
        "item.genre_3": None,
    }
    assert rows[1]["item.genres"] is None
    assert rows[1]["item.year"] is None
    assert rows[1]["item.title"] == "Untitled"


def test_ratings_likes_and_tags_become_events_in_the_order_of_time(folder, tmp_path):
    movies = read_movielens(folder)
    workspace = Workspace(tmp_path / "home")
    write_movies(workspace, movies, movies.ratings, movies.tags, lambda *_: None)
    table = EventLog.open(workspace.events).table(columns=["kind", "user_id", "item_id", "value", "query"])
    assert [tuple(row.values()) for row in table.to_pylist()] == [
        ("like", "2", "10", 5.0, None),
        ("rating", "2", "10", 5.0, None),
        ("tag", "2", "10", None, "late"),
        ("rating", "1", "20", 2.5, None),
        ("tag", "1", "10", None, "Funny"),
        ("tag", "1", "10", None, "funny"),
        ("like", "1", "10", 4.0, None),
        ("rating", "1", "10", 4.0, None),
    ]
    with pytest.raises(ConflictError):
        write_movies(workspace, movies, movies.ratings, movies.tags, lambda *_: None)


def test_the_definitions_parse_and_the_model_uses_what_is_defined(folder, tmp_path):
    movies = read_movielens(folder)
    workspace = Workspace(tmp_path / "home")
    write_movies(workspace, movies, movies.ratings, movies.tags, lambda *_: None)
    feature_set = FeatureSet.load(workspace.features)
    stored = {i.name for i in feature_set.item_inputs}
    assert stored <= set(item_table(movies, movies.tags).column_names)
    for text in Project.load(workspace).models["movies"].inputs:
        ModelInput.parse(text, feature_set)


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason="MovieLens latest-small is not in ../shared/data")
def test_the_published_set_splits_as_the_protocol_counts():
    movies = read_movielens(PUBLISHED)
    parts = split(movies.ratings)
    assert (len(movies.ids), len(movies.ratings), len(movies.tags)) == (9742, 100_836, 3_683)
    assert len(parts.users) == 592
    assert len(parts.train) + len(parts.held_out) == len(movies.ratings)
    inner = split(parts.train)
    assert len(inner.train) + len(inner.held_out) == len(parts.train)
    for user in (1, 414):
        newest = parts.train.time[parts.train.user == user].max()
        assert newest <= parts.held_out.time[parts.held_out.user == user].min()
