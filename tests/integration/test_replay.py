"""Logged answers are made again to the bit, and what was changed since is found and named."""

import asyncio
import json
import math
import shutil
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import typer
from typer.testing import CliRunner
from world import World, make_world

from predictor import pipeline
from predictor.answers import Explanation
from predictor.query import Query, Sort, explain_request, rank_request, search_request
from predictor.replay.audit import replayed
from predictor.replay.chosen import of_request, sampled
from predictor.replay.cli import replay as replay_verb
from predictor.replay.why import why
from predictor.replay.why_cli import why as why_verb
from predictor.serving import Serving
from predictor.testing import promote
from recall import refresh_workspace
from searchrank.errors import ConfigError, DataError, NotFoundError, RequestError
from searchrank.models import find_release
from searchrank.serving_log import ServingLog
from searchrank.workspace import Workspace

pytestmark = pytest.mark.integration

STEPS = 60
SEARCH = Query(surface="shop", user_id="u1", text="tea", request_id="once")


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A workspace in which much was put, told and asked, over two snapshots."""
    world = World(make_world(tmp_path_factory.mktemp("served")))
    asyncio.run(serve(world))
    world.close()
    return world.workspace


async def serve(world):
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
    world.follow()
    await world.search(SEARCH)
    await ask_specially(world)
    world.log.close()


async def ask_specially(world):
    """Ask for what has more to it than candidates and scores."""
    surface = world.serving.surface("shop")
    dear = replace(SEARCH, request_id="sorted", filter="item.price < 30", sort=[Sort("item.price", descending=True)])
    await world.search(dear)
    first = await world.search(replace(SEARCH, request_id="paged", limit=3))
    again = replace(SEARCH, request_id="paged", page_token=first.next_page_token, limit=3)
    await pipeline.search(surface, search_request(again), None, world.log.offer)
    kept = rank_request(
        replace(SEARCH, request_id="kept", filter="item.price > 5"), ["i3", "i9", "nowhere", "i8", "i9"], {}
    )
    await pipeline.rank(surface, kept, None, world.log.offer)
    late = rank_request(replace(SEARCH, request_id="late"), ["i1", "i2"], {})
    await pipeline.rank(surface, late, -1.0, world.log.offer)
    await world.search(replace(SEARCH, request_id="nobody's", user_id=""))


@pytest.fixture
def copied(served, tmp_path):
    """The same, to be damaged."""
    return Workspace(shutil.copytree(served.root, tmp_path / "copied", symlinks=True))


def verdicts(workspace, request="", *, recall=True):
    log = ServingLog.open(workspace.serving)
    chosen = of_request(log, request) if request else sampled(log, 0)

    async def read():
        return [one async for one in replayed(workspace, log, chosen.parts(), recall=recall)]

    return asyncio.run(read())


def parts(verdict):
    return {one.part: one.detail for one in verdict.differences}


def test_every_answer_is_made_again_to_the_bit_whatever_happened_meanwhile(served):
    found = verdicts(served)
    assert [(one.request_id, parts(one)) for one in found if not one.is_equal] == []
    assert len(found) == STEPS + 7
    assert {one.snapshot_id for one in found} == ServingLog.open(served.serving).snapshots()
    assert len({one.snapshot_id for one in found}) == 2
    assert sum("features" in one.compared for one in found) == STEPS + 5
    assert sum("recall" in one.compared for one in found) > 0.3 * STEPS


def test_what_cannot_be_compared_is_said(served):
    (late,) = verdicts(served, "late")
    why = dict(late.uncompared)
    assert late.is_equal
    assert "no digest" in why["features"]
    assert why["scores"] == "2 of 2 candidates have none in the log"
    assert why["recall"] == "the caller sent the candidates"
    first, page = verdicts(served, "paged")
    assert (first.is_equal, page.is_equal) == (True, True)
    assert dict(page.uncompared)["features"] == "they are with the first page"


def test_a_request_may_have_several_answers_to_choose_from(served):
    log = ServingLog.open(served.serving)
    assert len(verdicts(served, "paged")) == 2
    (one,) = [part.batch for part in of_request(log, "paged", "Search", "20").parts()]
    assert len(one) == 2
    with pytest.raises(NotFoundError, match="'paged' Rank is not in the serving log; its answers are Search at"):
        of_request(log, "paged", "Rank")
    with pytest.raises(NotFoundError, match="holds no answer of that id"):
        of_request(log, "nobody")


def test_a_sample_is_spread_over_the_log(served):
    log = ServingLog.open(served.serving)
    chosen = [one for part in sampled(log, 5).parts() for one in part.batch.column("request_id").to_pylist()]
    assert len(chosen) == 5
    everything = log.table(["request_id"]).column(0).to_pylist()
    assert (chosen[0], chosen[-1]) == (everything[0], everything[-1])


def test_a_log_without_answers_is_refused(tmp_path):
    (tmp_path / "empty.arrows").touch()
    with pytest.raises(DataError, match="holds no whole answer yet"):
        sampled(ServingLog.open(tmp_path), 0)


def test_a_flipped_byte_of_the_log_is_found_and_its_batch_named(copied):
    (file,) = copied.serving.glob("*.arrows")
    data = bytearray(file.read_bytes())
    data[len(data) // 3] ^= 1
    file.write_bytes(data)
    log = ServingLog.open(copied.serving)
    chosen = sampled(log, 0)

    async def read():
        return [one async for one in replayed(copied, log, chosen.parts(), recall=False)]

    found = [detail for one in asyncio.run(read()) for part, detail in parts(one).items() if part == "log"]
    assert any(file.name in problem for problem in found + chosen.damaged)


def test_a_flipped_byte_of_a_release_is_found_and_the_file_named(copied):
    model = find_release(copied.releases, "taste", 2) / "model.txt"
    text = model.read_bytes()
    model.write_bytes(text[:20] + bytes([text[20] ^ 1]) + text[21:])
    (found,) = verdicts(copied, "once")
    assert "model.txt was changed" in parts(found)["release"]


def test_another_release_of_the_same_name_and_version_is_found(copied):
    was = find_release(copied.releases, "taste", 2)
    other = json.loads((find_release(copied.releases, "taste", 1) / "release.json").read_text())
    assert other["version"] == 1
    shutil.rmtree(was)
    (found,) = verdicts(copied, "once")
    assert "no version 2 of 'taste'" in parts(found)["release"]


def test_an_event_log_that_lost_its_end_is_found(copied):
    for file in sorted(copied.events.iterdir())[-2:]:
        file.unlink()
    (found,) = verdicts(copied, "once")
    assert not found.is_equal
    assert {"events", "snapshot"} & set(parts(found))


def test_an_answer_whose_snapshot_is_gone_is_made_from_one_before_and_the_log(copied):
    (whole,) = verdicts(copied, "nobody's")
    shutil.rmtree(copied.snapshots / whole.snapshot_id)
    (found,) = verdicts(copied, "nobody's", recall=False)
    assert parts(found) == {}
    assert found.read_from not in {"", found.snapshot_id}
    everything = verdicts(copied, recall=False)
    assert sum(one.is_equal for one in everything if one.read_from) > 1
    for one in everything:  # words of users are counted by titles of items, which only the snapshot remembers
        assert one.is_equal or next(iter(parts(one))) == "snapshot"
    for folder in copied.snapshots.iterdir():
        if folder.is_dir():
            shutil.rmtree(folder)
    (found,) = verdicts(copied, "once", recall=False)
    assert "is gone, and none is left that ends before" in parts(found)["snapshot"]


@pytest.fixture
def run():
    app = typer.Typer()
    app.command()(replay_verb)
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


def test_the_verb_says_what_it_compared_and_ends_with_1_when_something_differs(served, copied, run):
    told = run("once", "--home", served.root)
    assert told.exit_code == 0
    assert "1 of 1 answers: made again, equal to the bit" in told.output
    found = json.loads(run("--all", "--home", served.root, "--json").stdout.splitlines()[-1])
    assert (found["equal"], found["total"], found["different"], found["damaged"]) == (STEPS + 7, STEPS + 7, {}, [])
    shutil.rmtree(find_release(copied.releases, "taste", 2))
    told = run("--sample", 3, "--home", copied.root)
    assert told.exit_code == 1
    assert "3 answers: release DIFFERENT" in told.output


def test_the_verb_wants_one_thing(served, run):
    for words in ([], ["once", "--all"], ["--all", "--sample", 3]):
        assert isinstance(run(*words, "--home", served.root).exception, ConfigError)
    assert isinstance(run("once", "--rpc", "Explain", "--home", served.root).exception, ConfigError)


def test_a_day_later_the_answer_is_the_same(served):
    (found,) = verdicts(served, "sorted")
    assert found.is_equal
    assert datetime.fromisoformat(found.answered_at) < datetime.now(UTC)


def test_another_release_may_not_stand_in(copied):
    promote(copied, find_release(copied.releases, "taste", 1))
    (found,) = verdicts(copied, "once")
    assert found.is_equal
    assert found.release == "taste version 2"


def asked_why(workspace, request, first, second):
    log = ServingLog.open(workspace.serving)
    return asyncio.run(why(workspace, of_request(log, request), (first, second)))


def test_contributions_add_up_to_the_gap_and_the_flip_turns_the_order(served):
    (row,) = rows_of(served, "once")
    ranked = [item for place, item in sorted(zip(row["position"], row["item_id"], strict=True)) if place >= 0]
    scores = dict(zip(row["item_id"], row["score"], strict=True))
    for first, second in [(ranked[0], ranked[1]), (ranked[5], ranked[2]), (ranked[-1], ranked[0])]:
        told = asked_why(served, "once", first, second)
        above, below = told.ids
        assert {above, below} == {first, second}
        assert told.positions[0] < told.positions[1]
        assert told.comparison.gap == scores[above] - scores[below]
        assert abs(told.comparison.contributions.sum() - told.comparison.gap) <= 1e-6
        assert told.verdict.is_equal
        assert told.provenance == "recall"
        assert all(found for found in told.found_by)
        assert told.comparison.flips[0].feature in told.features


def rows_of(workspace, request):
    table = ServingLog.open(workspace.serving).table()
    return [row for row in table.to_pylist() if row["request_id"] == request]


def test_an_order_that_the_caller_asked_for_is_not_put_down_to_scores(served):
    (row,) = rows_of(served, "sorted")
    first, second = (
        item for place, item in sorted(zip(row["position"], row["item_id"], strict=True)) if place in {0, 1}
    )
    told = asked_why(served, "sorted", first, second)
    assert told.sort == "item.price desc"
    assert sorted(told.positions) == [0, 1]


def test_what_cannot_be_asked_is_refused_in_words(served):
    with pytest.raises(ConfigError, match="'i1' is named twice"):
        asked_why(served, "once", "i1", "i1")
    with pytest.raises(NotFoundError, match="'zz' was no candidate of this request; it was answered with"):
        asked_why(served, "once", "i1", "zz")
    late = asked_why(served, "late", "i1", "i2")
    assert math.isnan(late.comparison.gap)
    assert late.comparison.flips == ()


def test_an_answer_that_cannot_be_made_again_has_no_reasons(copied):
    shutil.rmtree(find_release(copied.releases, "taste", 2))
    with pytest.raises(DataError, match="cannot be made again: release: no version 2"):
        asked_why(copied, "once", "i1", "i2")


def test_the_verb_shows_a_table_and_the_same_for_machines(served):
    app = typer.Typer()
    app.command()(why_verb)
    (row,) = rows_of(served, "kept")
    words = ["kept", "nowhere", "i9", "--home", str(served.root)]
    assert "nowhere" not in row["item_id"]  # its price is unknown
    assert isinstance(CliRunner().invoke(app, words).exception, NotFoundError)
    words[1] = "i8"
    told = CliRunner().invoke(app, words).output
    assert "adds to the gap" in told
    assert "the smallest change that turns them around" in told
    found = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout.splitlines()[-1])
    assert {found["above"], found["below"]} == {"i8", "i9"}
    assert abs(sum(found["contributions"].values()) - found["gap"]) <= 1e-6
    assert found["replay"]["equal"] is True


async def test_explain_compares_live_as_why_does_afterwards(served):
    serving = Serving(served)
    serving.load()
    surface = serving.surface("shop")
    query = replace(SEARCH, request_id="", time=datetime(2026, 3, 1, tzinfo=UTC))
    request = explain_request(query, ["i1", "i20", "i3"], {}, (0, 1))
    told = Explanation.of(await pipeline.explain(surface, request, None))
    compared = told.comparison
    assert {compared.above, compared.below} == {0, 1}
    assert compared.gap == told.scores[compared.above] - told.scores[compared.below]
    parts = told.contributions[compared.above] - told.contributions[compared.below]
    assert compared.contributions.tolist() == parts.tolist()
    assert compared.flips
    assert Explanation.of(await pipeline.explain(surface, explain_request(query, ["i1"], {}), None)).comparison is None
    for wrong in ((0, 0), (0, 3)):
        with pytest.raises(RequestError, match="not two positions among 3 ids"):
            await pipeline.explain(surface, explain_request(query, ["i1", "i20", "i3"], {}, wrong), None)
    serving.close()
