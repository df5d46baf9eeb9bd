"""The demo from its command line: the figures it promises, what it leaves behind, and how it refuses."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from examples.demo.folder import fresh, mark
from examples.demo.serving import serve
from examples.movies import SURFACE, held_out_of, read_movielens, split
from predictor import AsyncClient, Query, ServeOptions, pipeline
from predictor.serving import Serving
from predictor.testing import make_shop
from searchrank.errors import ConflictError, NotFoundError
from searchrank.events import EventLog
from searchrank.models import CHAMPION, Ledger, Release
from searchrank.v1 import ranking_pb2
from searchrank.workspace import Workspace
from trainer.levels import Level, columns_of, ranked
from trainer.registry import Registry

pytestmark = [pytest.mark.integration, pytest.mark.slow]

DEMO = (sys.executable, "-c", "from searchrank.cli import main; main()", "demo")
SMALL = ("--items", "200", "--events", "20000")
ENOUGH = ("--items", "500", "--events", "100000")
"""So many that the interval of the difference to popularity lies above 0."""
MOVIELENS = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "ml-latest-small"


def run(*arguments, cwd):
    return subprocess.run([*DEMO, *arguments], capture_output=True, text=True, cwd=cwd, check=False, timeout=300)


def figures(done):
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def alive(home):
    """Return the processes whose command names a folder, by its whole path or from where they run."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words, base = (process / "cmdline").read_text().split("\0"), (process / "cwd").readlink()
        except OSError:
            continue
        if int(process.name) != os.getpid() and Path(home) in {base / word for word in words if word}:
            found.append(words)
    return found


def until(claim, seconds=60.0):
    end = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    home = tmp_path_factory.mktemp("demo") / "city"
    return home, run("--home", str(home), "--json", *ENOUGH, cwd=home.parent)


@pytest.fixture(scope="module")
def movielens(tmp_path_factory):
    """Two hundred movies of two tastes; everybody rates those of their own taste higher."""
    folder = tmp_path_factory.mktemp("movielens")
    rng = np.random.default_rng(1)
    movies = [f"{m},Film {m} ({1950 + m % 70}),{('Drama', 'Comedy')[m % 2]}" for m in range(1, 201)]
    ratings = []
    for user in range(1, 81):
        for place, movie in enumerate(rng.permutation(np.arange(1, 201))[:60]):
            stars = (4.5 if rng.random() < 0.8 else 3) if movie % 2 == user % 2 else 2.5
            ratings.append(f"{user},{movie},{stars},{1_000_000 + 100 * place + user}")
    (folder / "movies.csv").write_text("\n".join(["movieId,title,genres", *movies, ""]))
    (folder / "ratings.csv").write_text("\n".join(["userId,movieId,rating,timestamp", *ratings, ""]))
    (folder / "tags.csv").write_text("userId,movieId,tag,timestamp\n1,10,funny,1000500\n")
    return folder


@pytest.mark.xdist_group("demo-city")
def test_the_city_is_learnt_and_the_figures_say_how_well(city):
    _, done = city
    told = figures(done)
    assert {"seconds", "ndcg@10", "popularity_ndcg@10", "recall_order_ndcg@10", "oracle_ndcg@10"} <= set(told)
    assert told["oracle_ndcg@10"] > told["ndcg@10"] > told["recall_order_ndcg@10"]
    assert told["gap_closed"] >= 0.3
    low, high = told["interval"]["popularity"]
    assert 0 < low < told["ndcg@10"] - told["popularity_ndcg@10"] < high
    assert len(done.stdout.splitlines()) == 1


@pytest.mark.xdist_group("demo-city")
def test_the_city_answers_with_a_reason_for_every_place(city):
    _, done = city
    assert " types “" in done.stderr
    lines = done.stderr.split(" types “")[1].partition("candidates ranked by")[0].splitlines()
    ranked = [line for line in lines if re.match(r" {2,3}\d{1,2} {3}\S", line)]
    assert len(ranked) == 10
    assert all("#" in line for line in ranked)
    assert "Traceback" not in done.stderr


@pytest.mark.xdist_group("demo-city")
def test_one_click_moves_the_list_of_who_clicked_and_of_nobody_else(city):
    home, done = city
    told = figures(done)
    assert told["moved"] >= 1
    assert told["control_identical"] is True
    assert told["click_visible_ms"] > 0
    assert "who has clicked nothing yet, types" in done.stderr
    assert f"{told['moved']} neighbours of the clicked place stand higher" in done.stderr
    *_, before, last = (
        EventLog.open(Workspace(home).events).table().select(["kind", "position", "arrival_time"]).to_pylist()
    )
    assert (last["kind"], last["position"]) == ("click", 2)
    assert timedelta() < last["arrival_time"] - before["arrival_time"] < timedelta(days=8)


@pytest.mark.xdist_group("demo-city")
def test_the_city_is_registered_live_and_nothing_runs_on(city):
    home, done = city
    workspace = Workspace(home)
    live = Ledger(workspace.ledger).live("city")
    assert str(Ledger(workspace.ledger).folder(live)) == str(home / Path(figures(done)["release"]).relative_to(home))
    assert Registry.open(workspace.tracking_uri).aliased("city", CHAMPION).digest == live.digest
    assert not alive(home)


@pytest.mark.xdist_group("demo-city")
def test_the_commands_it_names_work(city):
    home, done = city
    assert f"searchrank release list --home {home}" in done.stderr
    assert "--time" not in done.stderr  # what is asked now finds the statistics of last week
    listed = subprocess.run(
        [*DEMO[:-1], "release", "list", "--home", str(home), "--json"], capture_output=True, text=True, check=True
    )
    assert json.loads(listed.stdout)["releases"][0]["live"]


@pytest.mark.xdist_group("demo-city")
def test_a_second_run_begins_afresh_unless_somebody_edited_the_definitions(city):
    home, first = city
    again = run("--home", str(home), "--json", *ENOUGH, cwd=home.parent)
    assert "beginning afresh" in again.stderr
    assert figures(again)["ndcg@10"] == figures(first)["ndcg@10"]
    features = home / "features.yaml"
    features.write_text(features.read_text() + "\n  cheap: 1 / item.price\n")
    refused = run("--home", str(home), "--json", *ENOUGH, cwd=home.parent)
    assert refused.returncode == 1
    assert "features.yaml was edited" in refused.stderr
    assert "cheap" in features.read_text()


@pytest.fixture(scope="module")
def cinema(movielens, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cinema")
    return folder / "m", run("movies", "--data", str(movielens), "--home", "m", "--json", cwd=folder)


@pytest.mark.xdist_group("demo-movies")
def test_movies_are_learnt_by_the_protocol_and_recommended(cinema):
    home, done = cinema
    told = figures(done)
    assert {"ndcg@10", "recall@100", "popularity_ndcg@10", "users"} <= set(told)
    assert told["users"] == 80
    assert told["ndcg@10"] > told["popularity_ndcg@10"]
    assert "liked with what you liked" in done.stderr
    assert not alive(home)


@pytest.mark.xdist_group("demo-movies")
async def test_what_is_served_of_movies_is_what_was_measured(cinema, movielens):
    workspace = Workspace(cinema[0])
    parts = split(read_movielens(movielens).ratings)
    level = Level.open(workspace, SURFACE, held_out_of(parts))
    lists = level.lists(level.surface.candidates)
    release = Release.open(Ledger(workspace.ledger).folder(Ledger(workspace.ledger).live("movies")))
    scores = release.scorer.score(columns_of(level, lists, release.plan))
    best = ranked(lists.rows, scores, lists.samples.sizes)
    async with started(workspace) as serving:
        for place, user in enumerate(parts.users.tolist()[:10]):
            request = ranking_pb2.SearchRequest(surface="movies", user_id=str(user), limit=50)
            found = (await pipeline.search(serving.surface("movies"), request, None)).ids.strings.values
            ids = level.snapshot.catalogue.ids.take(pa.array(best[place][:50])).to_pylist()
            assert list(found) == ids
            assert not set(found) & set(map(str, parts.train.movie[parts.train.user == user].tolist()))


@asynccontextmanager
async def started(workspace):
    serving = Serving(workspace)
    serving.load()
    try:
        yield serving
    finally:
        serving.close()


@pytest.mark.skipif(not MOVIELENS.is_dir(), reason="MovieLens latest-small is not in ../shared/data")
def test_the_published_movies_are_ranked_better_than_by_popularity_and_as_well_as_by_neighbours(tmp_path):
    told = figures(run("movies", "--data", str(MOVIELENS), "--json", cwd=tmp_path))
    assert told["users"] == 592
    assert told["popularity_ndcg@10"] == pytest.approx(0.0794, abs=5e-5)
    assert told["item_to_item_ndcg@10"] == pytest.approx(0.1192, abs=2e-4)
    assert told["ndcg@10"] >= 0.115
    assert told["recall@100"] >= 0.33


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--events", "0"], "events: at least 1000"),
        (["--items", "50"], "items: at least 100"),
        (["--data", "somewhere"], "the city needs no data"),
        (["movies"], "--data: name the folder"),
        (["movies", "--data", "nowhere"], "ratings.csv is missing"),
        (["movies", "--data", "nowhere", "--seed", "1"], "--seed: goes with"),
        (["--home", "/proc/nowhere"], "cannot be written"),
    ],
)
def test_what_cannot_be_done_is_said_at_once(arguments, words, tmp_path):
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("searchrank: ")
    assert words in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_busy_port_is_told_before_the_work(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run("--port", str(port), cwd=tmp_path)
    assert done.returncode == 1
    assert f"127.0.0.1:{port}" in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_folder_of_somebody_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(ConflictError, match=r"not a demo's"), fresh(tmp_path, print):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_two_demos_do_not_share_a_folder(tmp_path):
    with (
        fresh(tmp_path / "home", print),
        pytest.raises(ConflictError, match="another demo is at work"),
        fresh(tmp_path / "home", print),
    ):
        pass


def test_beginning_afresh_removes_what_demos_make_and_nothing_else(tmp_path):
    with fresh(tmp_path, print) as workspace:
        workspace.releases.mkdir()
        workspace.project.write_text("a: 1")
        mark(workspace)
    (tmp_path / "notes.txt").write_text("mine")
    said = []
    with fresh(tmp_path, said.append) as workspace:
        assert not workspace.releases.exists()
        assert not workspace.project.exists()
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert "beginning afresh" in said[0]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_serves_on_whatever_ends_the_demo(number, tmp_path):
    home = tmp_path / "home"
    command = [*DEMO, "--home", str(home), "--keep-serving", *SMALL]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as demo:
        until(lambda: (home / "serving.log").is_file() and (home / "serving.log").read_text().count(" serving ") >= 2)
        assert len(alive(home)) >= 3
        demo.send_signal(number)
        demo.communicate(timeout=30)
    until(lambda: not alive(home), 15)


def test_a_server_that_refuses_is_an_error_of_the_demo(tmp_path):
    workspace = make_shop(tmp_path)
    workspace.ledger.unlink()

    async def use(_targets):
        raise AssertionError("nothing is served")

    with pytest.raises(NotFoundError, match="no release of model 'taste' is live"):
        serve(ServeOptions(home=workspace.root, port=0), use)
    assert not alive(workspace.root)


def test_serving_ends_with_what_it_was_for(tmp_path):
    workspace = make_shop(tmp_path)

    async def use(targets):
        async with AsyncClient(targets) as client:
            return (await client.search(Query(surface="shop", text="tea"), timeout=10.0)).ids

    assert serve(ServeOptions(home=workspace.root, port=0), use)
    assert not alive(workspace.root)
