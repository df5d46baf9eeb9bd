"""Training from end to end: prepared files, the registry, and the city."""

import json
import sqlite3
from dataclasses import replace
from pathlib import Path

import mlflow
import numpy as np
import pyarrow as pa
import pytest
import typer
from typer.testing import CliRunner

from examples.city.size import CitySize
from examples.city.write import write_city
from searchrank.errors import ConfigError, ConflictError, NotFoundError, ReleaseRefusedError
from searchrank.events import EventLog, schema
from searchrank.features import FeatureSet
from searchrank.features.history import EventColumns, History
from searchrank.models import CHALLENGER, CHAMPION, Ledger, Release
from searchrank.workspace import Workspace
from trainer.cli import evaluate, train
from trainer.collect import collect
from trainer.evaluation.report import report_of
from trainer.labelling import Labelling
from trainer.registry import Registry, Run
from trainer.release_cli import release
from trainer.state import open_state

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def uri(tmp_path_factory):
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow') / 'mlflow.db'}"


@pytest.fixture(scope="module")
def registry(uri):
    return Registry.open(uri)


def test_a_run_and_its_release_are_found_again(registry, tmp_path, capfd):
    run = registry.record(Run("city", {"num_leaves": 31}, {"ndcg@10": 0.5, "auc": float("nan")}, {"a": "b"}))
    first = registry.register("city", tmp_path / "one", digest="d1", release="r1", run=run)
    second = registry.register("city", tmp_path / "two", digest="d2", release="r2", run=run)
    assert (first.number, second.number) == (1, 2)
    assert [v.release for v in registry.versions("city")] == ["r2", "r1"]
    assert registry.versions("city")[1].folder == (tmp_path / "one").resolve()
    assert registry.versions("city")[1].run == run
    assert capfd.readouterr() == ("", "")


def test_a_file_that_mlflow_cannot_keep_costs_no_run(registry, uri, tmp_path, caplog):
    page = tmp_path / "page.html"
    page.write_text("figures")
    (tmp_path / "file").write_text("in the way")
    mlflow.MlflowClient(uri, uri).create_experiment("full", artifact_location=(tmp_path / "file" / "here").as_uri())
    assert registry.record(Run("full", files=(page,)))
    assert "did not keep" in caplog.text


def test_the_same_digest_keeps_its_version(registry, tmp_path):
    first = registry.register("kept", tmp_path, digest="d", release="r")
    assert registry.register("kept", tmp_path, digest="d", release="r").number == first.number


def test_an_alias_points_to_one_version_at_a_time(registry, tmp_path):
    for digest in ("a", "b"):
        registry.register("aliased", tmp_path, digest=digest, release=digest)
    assert registry.aliased("aliased") is None
    registry.point("aliased", "a")
    registry.point("aliased", "b", CHALLENGER)
    assert registry.aliased("aliased", CHAMPION).digest == "a"
    registry.point("aliased", "b")
    assert registry.aliased("aliased", CHAMPION).digest == "b"
    assert registry.versions("aliased")[0].aliases == (CHALLENGER, CHAMPION)


def test_an_unregistered_digest_gets_no_alias(registry):
    with pytest.raises(NotFoundError, match="no version of 'nobody'"):
        registry.point("nobody", "ffff")


def test_a_locked_file_says_what_to_do(tmp_path):
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    holder = sqlite3.connect(uri.removeprefix("sqlite:///"), isolation_level=None)
    try:
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(ConflictError, match=r"locked by another program.*--tracking-uri"):
            Registry.open(uri)
    finally:
        holder.close()


DATA = Path(__file__).parents[3] / "shared" / "data" / "lightgbm_rank"

cli = typer.Typer()
cli.command("train")(train)
cli.command("evaluate")(evaluate)
cli.add_typer(release, name="release")


def run(*arguments):
    """Run a command with --json and return its figures."""
    result = CliRunner().invoke(cli, [*map(str, arguments), "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    place = Workspace(tmp_path_factory.mktemp("city"))
    write_city(place, CitySize(items=400, users=300, events=60_000, days=14), lambda _what, _share: None)
    return place


@pytest.fixture(scope="module")
def trained(city):
    return run("train", "--home", city.root, "--promote")


def write_letor(path, seed, queries=60):
    generator = np.random.default_rng(seed)
    lines = []
    for query in range(queries):
        lines += [f"{int(x > 0.7)} qid:{query} 1:{x:.3f} 2:{y:.3f}" for x, y in generator.random((8, 2))]
    path.write_text("\n".join(lines))


def test_prepared_files_are_learnt_and_measured_in_three_conventions(tmp_path):
    for seed, name in enumerate(("train", "valid", "test")):
        write_letor(tmp_path / name, seed)
    found = run("train", "--letor", tmp_path / "train", "--valid", tmp_path / "valid", "--test", tmp_path / "test")
    assert set(found["test"]["ndcg@10"]) == {"skip", "zero", "one"}
    assert found["test"]["ndcg@10"]["skip"] > 0.95
    assert found["test"]["ndcg@10"]["zero"] < found["test"]["ndcg@10"]["skip"] < found["test"]["ndcg@10"]["one"]


@pytest.mark.skipif(not DATA.is_dir(), reason=f"the LightGBM example is not in {DATA}")
@pytest.mark.parametrize("valid", [(), ("--valid", DATA / "rank.test")], ids=["alone", "valid"])
def test_the_lightgbm_example_is_reproduced(valid):
    found = run("train", "--letor", DATA / "rank.train", *valid, "--test", DATA / "rank.test")["test"]
    assert found["ndcg@1"]["one"] == pytest.approx(0.578, abs=0.02)
    assert found["ndcg@3"]["one"] == pytest.approx(0.619, abs=0.01)
    assert found["ndcg@5"]["one"] == pytest.approx(0.655, abs=0.01)


def test_options_of_prepared_files_need_one(tmp_path):
    with pytest.raises(ConfigError, match="go with --letor"):
        CliRunner().invoke(cli, ["train", "--test", str(tmp_path)], catch_exceptions=False)


def test_training_on_the_city_beats_popularity(trained):
    assert trained["over_popularity"][1] > 0
    assert trained["popularity_ndcg@10"] < trained["ndcg@10"] < trained["oracle_ndcg@10"]
    assert trained["gap_closed"] > 0.2


def test_the_release_proves_itself_and_is_live(city, trained):
    proved = Release.open(Path(trained["release"]))
    assert proved.digest == trained["digest"]
    assert Ledger(city.ledger).live("city").digest == trained["digest"]
    assert Registry.open(city.tracking_uri).aliased("city", CHAMPION).digest == trained["digest"]
    assert run("release", "show", 1, "--home", city.root)["live"]


def test_the_report_lies_beside_the_release_and_in_mlflow(city, trained):
    page = report_of(Path(trained["release"]))
    text = page.read_text(encoding="utf-8")
    for heading in ("Is it better?", "Metrics", "Winners", "Losers", "What each input brings and costs"):
        assert f"<h2>{heading}</h2>" in text
    assert "distance_km" in text
    assert next(city.root.glob("mlflow-files/*/artifacts/*.html")).read_bytes() == page.read_bytes()


def test_golden_rows_hold_raw_text_and_an_unknown_item(trained):
    golden = pa.ipc.open_file(Path(trained["release"]) / "golden.arrow").read_all()
    assert golden.column("item.title").type == pa.string()
    assert golden.column("request.query").type == pa.string()
    rows = golden.select(["item.title", "request.query"]).to_pylist()
    unknown = [row for row in rows if row["item.title"] is None]
    assert any(row["request.query"] for row in unknown)
    assert len(unknown) < len(rows) / 10


def test_evaluating_the_release_again_gives_the_same_figures(city, trained):
    again = run("evaluate", "--home", city.root)
    for name in ("ndcg@10", "popularity_ndcg@10", "oracle_ndcg@10", "over_popularity", "test_requests"):
        assert again[name] == trained[name]


def test_training_again_gives_the_same_model_and_can_be_rolled_back(city, trained):
    again = run("train", "--home", city.root, "--promote")
    assert again["version"] == trained["version"] + 1
    texts = [Path(found["release"], "model.txt").read_text() for found in (trained, again)]
    assert texts[0] == texts[1]
    rolled = run("release", "rollback", "--home", city.root)
    assert rolled["digest"] == trained["digest"]
    assert Registry.open(city.tracking_uri).aliased("city").digest == trained["digest"]
    assert [r["live"] for r in run("release", "list", "--home", city.root)["releases"]] == [True, False]
    assert run("release", "promote", again["version"], "--home", city.root)["digest"] == again["digest"]


@pytest.mark.usefixtures("trained")
def test_a_locked_mlflow_file_stops_before_anything_is_trained(city):
    before = len(list(city.releases.glob("city/*-*")))
    holder = sqlite3.connect(city.root / "mlflow.db", isolation_level=None)
    try:
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(ConflictError, match="locked by another program"):
            run("train", "--home", city.root)
    finally:
        holder.close()
    assert len(list(city.releases.glob("city/*-*"))) == before


def test_features_do_not_know_what_came_after_the_request(city):
    feature_set = FeatureSet.load(city.features)
    log = EventLog.open(city.events, schema=schema(feature_set))
    samples = collect(log, feature_set, Labelling({"click": 1}, 10**12)).samples
    half = int(samples.times[len(samples.times) // 2])
    early = samples.select(samples.times < half)
    with open_state(city, feature_set, log, int(samples.times[-1])) as snapshot:
        whole = early.encode(0, len(early.sizes), snapshot)
        events = EventColumns.from_batches(log.read())
        past = replace(snapshot, history=History.build(feature_set, events.before(half), snapshot.catalogue))
        assert early.encode(0, len(early.sizes), past).candidates.tobytes() == whole.candidates.tobytes()
        assert early.encode(0, len(early.sizes), past).requests.tobytes() == whole.requests.tobytes()
        parts = [early.encode(a, b, snapshot).candidates for a, b in early.parts(777)]
        assert np.concatenate(parts).tobytes() == whole.candidates.tobytes()


@pytest.mark.usefixtures("trained")
def test_a_release_that_is_worse_is_refused_until_it_is_forced(city, tmp_path):
    (tmp_path / "poor.yaml").write_text("num_iterations: 1\nnum_leaves: 2\n")
    with pytest.raises(ReleaseRefusedError, match=r"is refused: NDCG@10 .* falls from .* after Holm over all slices"):
        run("train", "--home", city.root, "--promote", "--params", tmp_path / "poor.yaml")
    poor = run("release", "list", "--home", city.root)["releases"][-1]["version"]
    again = run("evaluate", "--home", city.root, "--version", poor)
    assert {"all", "new_places", "new_people", "far"} <= set(again["slices"])
    assert again["over_champion"][0] < 0
    assert again["over_champion_p"] < 0.05
    assert "NDCG@10" in run("release", "promote", poor, "--home", city.root, "--force")["forced"]
    assert Ledger(city.ledger).live("city").forced
    assert not run("release", "rollback", "--home", city.root)["forced"]
