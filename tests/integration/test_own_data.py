"""Files of somebody else, from a suggested mapping to a search with a geo filter."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from examples.demo.answer import look_up
from examples.demo.project import existing
from examples.demo.serving import serve
from predictor import AsyncClient, Query, ServeOptions
from recall import refresh_workspace
from searchrank.errors import ConfigError, NotFoundError
from searchrank.models import Ledger, Release
from searchrank.workspace import Workspace
from trainer import Job
from trainer.importing import Kind, import_tables
from trainer.importing.suggestion import suggest_mapping
from trainer.train import train

pytestmark = [pytest.mark.integration, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
RESTAURANTS = ROOT.parent / "shared" / "data" / "restaurants"
SEARCHRANK = (sys.executable, "-c", "from searchrank.cli import main; main()")
CENTRES = ((22.15, -100.98), (18.92, -99.18))
CUISINES = ("Mexican", "Sea_Food", "Café", "Pizzería")
NEAR = "haversine_km(request.location, item.location) < 2"


def run(*arguments):
    return subprocess.run([*SEARCHRANK, *map(str, arguments)], capture_output=True, text=True, check=False)


def written(folder, *, places=60, people=40):
    """Four files of the same shape as the restaurants': Latin-1, '?' for missing, several rows an id, no times."""
    rng = np.random.default_rng(3)
    town, cuisine = rng.integers(0, 2, places), rng.integers(0, len(CUISINES), places)
    lines = ["placeID,latitude,longitude,name,city,price,fax"]
    for k in range(places):
        lat, lon = (centre + offset for centre, offset in zip(CENTRES[town[k]], rng.normal(0, 0.02, 2), strict=True))
        city = ("San Luis Potosí", "Cuernavaca")[town[k]] if rng.random() < 0.9 else "?"
        lines.append(f"{1000 + k},{lat:.6f},{lon:.6f},Restaurante Número {k},{city},{('low', 'high')[k % 2]},?")
    (folder / "places.csv").write_bytes("\n".join(lines).encode("latin-1"))
    rows = "".join(f"{1000 + k},{CUISINES[cuisine[k]]}\n" for k in range(places) for _ in range(1 + k % 2))
    (folder / "cuisines.csv").write_bytes(f"placeID,Rcuisine\n{rows}9999,Thai\n".encode("latin-1"))
    home, taste = rng.integers(0, 2, people), rng.integers(0, len(CUISINES), people)
    rows = "".join(f"U{k},{CUISINES[taste[k]]}\r\n" for k in range(people))
    (folder / "tastes.csv").write_bytes(f"userID,Rcuisine\r\n{rows}".encode("latin-1"))
    rated = ["userID,placeID,rating"]
    for k in range(people):
        near = np.flatnonzero(town == home[k])
        chosen = rng.choice(near, min(12, len(near)), replace=False).tolist()
        stars = [2 if cuisine[place] == taste[k] else rng.integers(0, 2) for place in chosen]
        rated += [f"U{k},{1000 + place},{star}" for place, star in zip(chosen, stars, strict=True)]
    (folder / "ratings.csv").write_text("\n".join(rated))
    names = ("--items", "places.csv", "--items", "cuisines.csv", "--users", "tastes.csv", "--events", "ratings.csv")
    return [word if word.startswith("--") else folder / word for word in names]


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """The small project after suggest, import and demo, untouched by hand."""
    folder = tmp_path_factory.mktemp("own")
    files = written(folder)
    given = {Kind.ITEMS: [files[1], files[3]], Kind.USERS: [files[5]], Kind.EVENTS: [files[7]]}
    (folder / "mapping.yaml").write_text(suggest_mapping(given)[0])
    imported = run("import", "table", *files, "--mapping", folder / "mapping.yaml", "--home", folder / "home", "--json")
    demo = run("demo", "--project", folder / "home", "--json")
    assert (imported.returncode, demo.returncode) == (0, 0), demo.stderr + imported.stderr
    return folder / "home", json.loads(imported.stdout), json.loads(demo.stdout), demo.stderr


def near(home, text, user, where):
    """Ids of a search with a geo filter over gRPC, with the distance of each."""
    query = Query(surface="search", text=text, user_id=user, context={"request.location": where}, filter=NEAR, limit=50)

    async def use(targets):
        async with AsyncClient(targets) as client:
            return (await client.search(query, timeout=10.0)).ids

    ids = serve(ServeOptions(home=home, port=0, workers=1), use)
    points = [point for (point,) in look_up(Workspace(home), ids, ["item.location"])]
    return ids, [kilometres(where, point) for point in points]


def kilometres(a, b):
    lat, lon = (math.radians(y - x) for x, y in zip(a, b, strict=True))
    across = math.cos(math.radians(a[0])) * math.cos(math.radians(b[0])) * math.sin(lon / 2) ** 2
    return 2 * 6371 * math.asin(math.sqrt(math.sin(lat / 2) ** 2 + across))


@pytest.mark.xdist_group("own-data")
def test_a_strangers_files_are_imported_by_what_was_suggested(small):
    _, imported, _, _ = small
    assert (imported["items"], imported["users"]) == (60, 40)
    assert imported["kinds"]["rating"] > imported["kinds"]["like"] > 0
    assert {one["what"] for one in imported["findings"]} >= {"only_here", "no_impressions", "one_time"}


@pytest.mark.xdist_group("own-data")
def test_likes_alone_teach_a_ranking_that_beats_popularity(small):
    home, _, told, said = small
    assert told["ranking"]["ndcg@10"] > told["ranking"]["popularity_ndcg@10"]
    live = Release.open(Ledger(Workspace(home).ledger).folder(Ledger(Workspace(home).ledger).live("ranking")))
    assert live.manifest.scorer == "lightgbm"
    assert "people, by what they chose last" in said
    assert said.count("candidates ranked by") == 3


@pytest.mark.xdist_group("own-data")
def test_a_geo_filter_leaves_what_is_near(small):
    home = small[0]
    ids, distances = near(home, "restaurante", "U1", CENTRES[0])
    assert ids
    assert max(distances) < 2


def test_a_project_without_events_is_served_by_weights(tmp_path):
    files = written(tmp_path)[:4]
    given = {Kind.ITEMS: files[1::2]}
    (tmp_path / "m.yaml").write_text(suggest_mapping(given)[0])
    home = tmp_path / "home"
    import_tables(Workspace(home), tmp_path / "m.yaml", given)
    with existing(home) as workspace:
        assert refresh_workspace(workspace).events == 0
        trial = train(Job.open(workspace))
        Ledger(workspace.ledger).promote(trial.folder, author="me")
    assert (trial.manifest.scorer, trial.evaluation.requests) == ("linear", 0)
    text = workspace.project.read_text()
    workspace.project.write_text(text.replace("weights: {", "weights: {fuond: 1, "))
    with pytest.raises(ConfigError, match="'fuond' is not among the model's inputs"):
        train(Job.open(workspace))
    workspace.project.write_text(text)
    ids, distances = near(home, "restaurante", "", CENTRES[0])
    assert ids
    assert max(distances) < 2


def test_what_is_no_project_is_told_at_once(tmp_path):
    with pytest.raises(NotFoundError, match="no project"), existing(tmp_path):
        pass
    (tmp_path / "project.yaml").write_text("")
    with pytest.raises(NotFoundError, match="import table"), existing(tmp_path):
        pass
    done = run("demo", "--project", tmp_path, "--seed", "1")
    assert (done.returncode, "--seed: does not go with --project" in done.stderr) == (1, True)


@pytest.mark.skipif(not RESTAURANTS.is_dir(), reason="the restaurants are not in ../shared/data")
def test_the_published_restaurants_are_imported_and_searched_near_a_place(tmp_path):
    items = ["--items", RESTAURANTS / "geoplaces2.csv", "--items", RESTAURANTS / "chefmozcuisine.csv"]
    files = [*items, "--users", RESTAURANTS / "usercuisine.csv", "--events", RESTAURANTS / "rating_final.csv"]
    mapping = ["--mapping", ROOT / "examples" / "restaurants" / "mapping.yaml"]
    imported = run("import", "table", *files, *mapping, "--home", tmp_path / "home", "--json")
    told = json.loads(imported.stdout)
    assert (told["items"], told["users"], told["events"]) == (130, 138, 1161 + 486)
    with existing(tmp_path / "home") as workspace:
        refresh_workspace(workspace)
        trial = train(Job.open(workspace))
        Ledger(workspace.ledger).promote(trial.folder, author="me")
    assert trial.evaluation.differences["popularity"].low > 0
    ids, distances = near(tmp_path / "home", "mexican", "U1077", CENTRES[0])
    assert ids
    assert max(distances) < 2
