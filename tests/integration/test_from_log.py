"""What was served is learnt from: features come out again to the bit, whatever happened while serving."""

import asyncio
import shutil
from dataclasses import replace
from datetime import UTC, datetime

import pyarrow as pa
import pytest
import typer
from typer.testing import CliRunner
from world import PROJECT, World, make_world

from predictor import pipeline
from predictor.query import Query, rank_request
from recall import refresh_workspace
from searchrank.errors import ConfigError, NotFoundError
from searchrank.events import PUT_ITEM, EventLog, schema
from searchrank.features import FeatureSet
from searchrank.features.snapshot import current
from searchrank.models import Release
from searchrank.serving_log import ServingLog, returned
from trainer.as_of import AsOf
from trainer.cli import train as train_verb
from trainer.extent import Extent
from trainer.from_log import from_log
from trainer.job import Job
from trainer.labelling import Labelling
from trainer.recheck import Recheck
from trainer.samples import matrix
from trainer.state import open_state
from trainer.train import train

pytestmark = pytest.mark.integration

STEPS = 200


@pytest.fixture
def world(tmp_path):
    made = World(make_world(tmp_path))
    yield made
    made.close()


def rechecked(workspace):
    log = ServingLog.open(workspace.serving)
    events = EventLog.open(workspace.events, schema=schema(FeatureSet.load(workspace.features)))
    recheck = Recheck(workspace, events, AsOf.read(events), Extent.of(log).stops)
    for batch in log.read():
        recheck.look(batch)
    return recheck


async def test_features_come_out_again_to_the_bit_whatever_happened_meanwhile(world):
    for step in range(STEPS):
        world.happen()
        if step % 2 == 0 and world.told:
            world.hear()
        if step % 3 == 0:
            world.serving.follow()
        await world.ask()
        if step == STEPS // 2:
            refresh_workspace(world.workspace)
            world.serving.load()
    world.log.close()
    found = rechecked(world.workspace)
    assert (found.equal, found.different, found.unchecked) == (STEPS, 0, {})
    table = ServingLog.open(world.workspace.serving).table(["features_digest", "snapshot_id", "revision", "offset"])
    assert len(set(table.column("features_digest").to_pylist())) > 0.8 * STEPS
    assert len(set(table.column("snapshot_id").to_pylist())) == 2
    assert max(max(some, default=-1) for some in table.column("revision").to_pylist()) > 0
    assert len(set(table.column("offset").to_pylist())) > 0.2 * STEPS


@pytest.mark.parametrize("asks_again", [False, True])
async def test_events_imported_with_old_arrivals_do_not_change_what_was_known_before(world, asks_again):
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    for step in range(6):
        world.tell("click", user_id="u1", item_id=f"i{step}", query="tea")
        world.follow()
        await world.search(Query(surface="shop", user_id="u1", text="tea"))
        if step == 2:
            told = {"kind": "click", "event_time": long_ago, "arrival_time": long_ago, "user_id": "u1", "item_id": "i9"}
            world.events.append(pa.Table.from_pylist([told | {"event_id": f"old{k}"} for k in range(4)]))
            if not asks_again:
                break
    world.log.close()
    found = rechecked(world.workspace)
    assert (found.equal, found.different, found.unchecked) == (6 if asks_again else 3, 0, {})


async def test_features_that_differ_are_found_and_named(world):
    for _ in range(20):
        world.tell("click", user_id="u1", item_id="i1", query="tea")
        world.follow()
        await world.search(Query(surface="shop", user_id="u1", text="tea"))
    world.log.close()
    log, events = ServingLog.open(world.workspace.serving), world.events
    known = AsOf.read(events)
    later = AsOf(known.links, known.arrivals - 10**12)  # as if no answer had seen any event
    (snapshot,) = log.snapshots()
    recheck = Recheck(world.workspace, events, later, {snapshot: events.end})
    for batch in log.read():
        recheck.look(batch)
    assert recheck.equal < 20
    assert recheck.equal + recheck.different == 20
    assert {(one.release, one.snapshot_id) for one in recheck.named} == {("taste version 2", snapshot)}
    requests = log.table(["request_id"]).column(0).to_pylist()
    requests = log.table(["request_id"]).column(0).to_pylist()
    assert {one.request_id for one in recheck.named} <= set(requests)
    assert len(recheck.named) == recheck.different


async def test_what_cannot_be_recomputed_is_counted_by_its_reason(world):
    for _ in range(3):
        await world.search(Query(surface="shop", user_id="u1", text="tea"))
    request = rank_request(Query(surface="shop"), ["i1"], {})
    await pipeline.rank(world.serving.surface("shop"), request, -1.0, world.log.offer)
    world.log.close()
    snapshot = current(world.workspace.snapshots)
    shutil.rmtree(snapshot)
    reasons = {f"snapshot {snapshot.name} is gone or holds other inputs": 3, "not all candidates were scored": 1}
    assert rechecked(world.workspace).unchecked == reasons
    shutil.rmtree(next((world.workspace.releases / "taste").glob("2-*")))
    assert "release taste version 2 is gone or another one" in rechecked(world.workspace).unchecked


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    """A world in which what matches what was typed is clicked, and dear things are not."""
    world = World(make_world(tmp_path_factory.mktemp("taught")))
    asyncio.run(teach(world))
    yield world
    world.close()


async def teach(world):
    for step in range(150):
        text = ("tea", "coffee")[step % 2]
        answer = await world.search(Query(surface="shop", user_id=f"u{step % 4}", text=text, limit=8))
        for item in answer.ids.strings.values:
            if int(item[1:]) % 2 == step % 2 and int(item[1:]) < 25:
                world.tell("click", user_id=f"u{step % 4}", item_id=item, query=text, request_id=answer.request_id)
        if step % 5 == 0:
            world.tell(PUT_ITEM, item_id=f"i{step % 40}", item__price=float(step % 50), item__title="tea and coffee")
        world.follow()
    world.log.close()


def test_samples_are_encoded_as_they_were_served(taught):
    found = from_log(*asked_for(taught.workspace))
    with open_state(*state_of(taught.workspace, found)) as snapshot:
        samples = found.seen(snapshot)
        live = taught.serving.surface("shop").release
        scores = live.scorer.score(
            matrix(samples, snapshot, live.evaluator, live.evaluator.derive(samples.items(snapshot)))
        )
    logged = [returned(batch) for batch in ServingLog.open(taught.workspace.serving).read()]
    assert scores.tolist() == [score for batch in logged for score in batch.column("score").flatten().to_pylist()]
    assert samples.positions.tolist() == list(range(8)) * 150
    assert found.of_now == 0
    assert samples.labels.sum() > 100


def test_a_release_is_trained_on_what_was_served(taught):
    job = Job.open(taught.workspace, from_log=True)
    trial = train(job)
    figures = trial.served.figures()
    assert (figures["requests"], figures["recomputed_equal"], figures["mismatches"]) == (150, 150, [])
    assert (figures["unchecked"], figures["left_out"], figures["of_now"]) == ({}, {}, 0)
    assert trial.rows > 500
    assert 0.5 < trial.evaluation.metrics["model"]["ndcg@10"] <= 1.0
    assert Release.open(trial.folder).manifest.version == 3
    assert "150 of 150 answers: features recomputed, equal to the bit" in list(trial.served.words())


def test_documents_of_a_snapshot_that_is_gone_are_read_as_they_are_now_and_it_is_said(taught):
    snapshot = current(taught.workspace.snapshots)
    shutil.move(snapshot, taught.workspace.root / "away")
    found = from_log(*asked_for(taught.workspace))
    with open_state(*state_of(taught.workspace, found)) as present:
        found.seen(present)
    shutil.move(taught.workspace.root / "away", snapshot)
    assert found.of_now == 150
    why = f"150 answers: features not recomputed, snapshot {snapshot.name} is gone or holds other inputs"
    assert why in found.words()


def asked_for(workspace):
    job = Job.open(workspace, from_log=True)
    return job, job.served, Labelling.of(job.spec), lambda _name: lambda _done, _all: None


def state_of(workspace, found):
    job = Job.open(workspace)
    return workspace, job.feature_set, job.log, int(found.collected.samples.times[-1])


async def test_further_pages_are_part_of_the_answer_they_continue(world):
    asked = Query(surface="shop", user_id="u1", text="tea", limit=4)
    first = await world.search(asked)
    second = await world.search(replace(asked, page_token=first.next_page_token))
    await world.search(replace(asked, page_token=second.next_page_token))
    world.tell("click", request_id=first.request_id, item_id=second.ids.strings.values[1])
    world.log.close()
    world.follow()
    found = from_log(*asked_for(world.workspace))
    samples = found.collected.samples
    assert (found.requests, found.recheck.equal) == (1, 1)
    assert samples.positions.tolist() == list(range(12))
    assert samples.labels.tolist() == [0.0] * 5 + [1.0] + [0.0] * 6
    assert samples.impressions.column("recall.lexical_rank").null_count < 12


def test_a_log_that_is_not_there_or_teaches_nothing_is_refused(tmp_path):
    workspace = make_world(tmp_path)
    EventLog.open(workspace.events, writable=True).close()
    with pytest.raises(NotFoundError, match="'searchrank serve' writes one"):
        raise CliRunner().invoke(app(), ["--from-log", "--home", str(workspace.root)]).exception
    workspace.project.write_text(PROJECT.replace("inputs:", "weights: {price: 1.0}\n    inputs:"))
    with pytest.raises(ConfigError, match="weights by hand"):
        raise CliRunner().invoke(app(), ["--from-log", "--home", str(workspace.root)]).exception


def app():
    made = typer.Typer()
    made.command()(train_verb)
    return made
