"""A surface with a cache answers to the bit as one without, whatever happens; and what it kept is replayed."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from world import COLUMNS, PROJECT, World, make_release, make_world

from predictor import pipeline
from predictor.apart import apart
from predictor.ladder import Effort, Ladder
from predictor.metrics import Metrics
from predictor.query import Query, rank_request, search_request
from predictor.replay.audit import replayed
from predictor.replay.chosen import sampled
from predictor.serving import Serving
from predictor.testing import PROJECT as SIMPLE
from predictor.testing import make_shop, promote, release
from predictor.watch import note
from recall import refresh_workspace
from searchrank.events import DELETE_ITEM, PUT_ITEM
from searchrank.models import EffortPoint, Ledger
from searchrank.serving_log import ServingLog
from searchrank.state import EmbeddedStore

pytestmark = pytest.mark.integration

STEPS = 300
SOME = 12
LIKE = 10, 16  # items that nobody clicked yet: only their documents tell them apart
SHAPED = PROJECT.replace(
    "models:\n",
    """    rerank:
      rules: [at most 2 of first 5 when item.price > 20]
      explore: {method: epsilon, rate: 0.5}
      variants: {straight: {}}
models:
""",
    1,
)
CACHED = SHAPED.replace("    budget_ms: 2000\n", "    budget_ms: 2000\n    cache: {entries: 200}\n", 1)
EXPERIMENTS = """
surfaces:
  shop:
    page:
      salt: page
      unit: user_id
      parameters:
        ordering: {type: choice, choices: [default, straight], default: default, sets: rerank}
        found: {type: integer, sets: candidates}
        ranker: {type: text, sets: release}
      experiments:
        others:
          buckets: 0-9999
          arms:
            control: {}
            straight: {set: {ordering: straight}}
            few: {set: {found: 5}}
            old: {set: {ranker: other}}
"""
SHOP = SIMPLE.replace("    budget_ms: 2000\n", "    budget_ms: 2000\n    cache: {}\n", 1)
MORNING = datetime(2026, 3, 1, 8, tzinfo=UTC)


class Twins(World):
    """The same shop served with a cache and without, both asked the same few things over and over."""

    def __init__(self, workspace):
        workspace.project.write_text(SHAPED)
        self.plain = Serving(workspace)
        self.plain.load()
        workspace.project.write_text(CACHED)
        super().__init__(workspace)
        self.results = Counter()
        self.questions = [self._question() for _ in range(SOME)]
        ranked = [one for one in self.questions if one[1]]
        self.questions += [
            (query, ids, {"candidate.eta_min": [1.0, k, None]}) for query, ids, _ in ranked for k in (2, 3)
        ]

    def load(self):
        self.workspace.project.write_text(SHAPED)
        self.plain.load()
        self.workspace.project.write_text(CACHED)
        self.serving.load()

    def close(self):
        super().close()
        self.plain.close()

    def follow(self):
        super().follow()
        self.plain.follow()

    def _question(self):
        """Return what is asked: a search, or ids to rank with what is known of them."""
        rng = self.rng
        sent = {"user.age": 33.0} if rng.random() < 0.3 else {}
        sent |= {"request.device": str(rng.choice(["phone", "desk"]))} if rng.random() < 0.5 else {}
        text, user = rng.choice(["tea", "coffee number 3", ""]), rng.choice(["u1", "u2", "u3", "u5", ""])
        query = Query(surface="shop", user_id=str(user), text=str(text), context=sent)
        query = replace(query, filter="item.price > 7") if rng.random() < 0.3 else query
        if rng.random() < 0.5:
            return query, None, {}
        ids = [f"i{k}" for k in rng.integers(*LIKE, 3)]
        return query, ids, {"candidate.eta_min": rng.choice([1.0, 2.0, None], 3).tolist()}

    async def answers(self, number):
        """Return what both answer to one of the questions, now or an hour later, and what became of the cache."""
        query, ids, columns = self.questions[self.rng.integers(len(self.questions))]
        moment = MORNING + timedelta(minutes=int(self.rng.integers(100)))
        query = replace(query, request_id=f"r{number}", time=moment)
        found, kept = [], []
        for serving, record in ((self.plain, lambda _: None), (self.serving, self.keeping(kept))):
            surface = serving.surface("shop")
            if ids is None:
                answer = await pipeline.search(surface, search_request(query), None, record)
                answer.next_page_token = ""  # it is sealed with the clock
            else:
                answer = await pipeline.rank(surface, rank_request(query, ids, columns), None, record)
            del answer.coverage.stages[:]
            for branch in answer.coverage.branches:
                branch.elapsed_us = 0  # of a clock, as the stages are
            found.append(answer.SerializeToString(deterministic=True))
        self.results["hit" if kept[0].cached else "miss"] += 1
        return found

    def happen(self):
        """Let something happen, and something to an item that is asked for."""
        super().happen()
        item = f"i{self.rng.integers(*LIKE)}"
        if self.rng.random() < 0.3:
            self.tell(DELETE_ITEM, item_id=item)
        else:
            self.tell(PUT_ITEM, item_id=item, item__price=float(self.rng.integers(50)), item__title=item)

    def keeping(self, kept):
        def record(answered):
            kept.append(answered)
            self.log.offer(answered)

        return record


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """Everything that can happen between answers, and what became of all of them."""
    workspace = make_world(tmp_path_factory.mktemp("twins"))
    twins = Twins(workspace)
    releases = [make_release(workspace, np.roll(np.linspace(1.0, -1.0, len(COLUMNS)), k)) for k in range(2)]
    Ledger(workspace.ledger).promote(releases[0], alias="other")
    workspace.experiments.write_text(EXPERIMENTS)
    twins.load()

    async def live():
        answers = []
        for step in range(STEPS):
            if step % 8 == 0:
                twins.happen()
                twins.follow()
            if step == STEPS // 3:
                promote(workspace, releases[1])
                twins.load()
            if step == 2 * STEPS // 3:
                refresh_workspace(workspace)
                twins.load()
            answers.append(await twins.answers(step))
        return answers

    answers = asyncio.run(live())
    twins.close()
    return twins, answers


def test_answers_are_the_same_to_the_bit_with_a_cache_and_without(asked):
    twins, answers = asked
    assert [number for number, (plain, cached) in enumerate(answers) if plain != cached] == []
    assert min(twins.results["hit"], twins.results["miss"]) > STEPS // 6


def test_what_came_from_the_cache_is_in_the_log_and_made_again(asked):
    twins, _ = asked
    log = ServingLog.open(twins.workspace.serving)

    async def read():
        return [one async for one in replayed(twins.workspace, log, sampled(log, 0).parts(), recall=False)]

    rows = [row for batch in log.read(["cached", "request_id"]) for row in batch.to_pylist()]
    cached = {row["request_id"] for row in rows if row["cached"]}
    assert len(cached) == twins.results["hit"]
    found = asyncio.run(read())
    assert len(found) == STEPS
    assert [(one.request_id, one.differences) for one in found if not one.is_equal] == []
    assert cached == {one.request_id for one in found if "features" in one.compared} & cached


@pytest.fixture
def serving(tmp_path):
    serving = Serving(make_shop(tmp_path, project=SHOP))
    serving.load()
    yield serving
    serving.close()


async def rank(surface, ids=("i3", "i2"), sent=None, **asked):
    """Return what the log keeps of an answer of two items."""
    kept = []
    query = Query(surface="shop", **{"user_id": "u1", "time": MORNING, **asked})
    answer = await pipeline.rank(surface, rank_request(query, list(ids), sent or {}), None, kept.append)
    return kept[0], answer


async def test_what_the_model_does_not_read_makes_no_other_key(serving):
    surface = serving.surface("shop")
    assert not (await rank(surface))[0].cached
    assert (await rank(surface, request_id="another", text="tea", session_id="s", time=MORNING.replace(hour=9)))[
        0
    ].cached
    assert (await rank(surface, context={"request.location": (1.0, 2.0)}, limit=1))[0].cached


@pytest.mark.parametrize(
    "other",
    [
        {"user_id": "u2"},
        {"context": {"user.age": 21.0}},
        {"ids": ("i2", "i3")},
        {"ids": ("i3", "i2", "i2")},
        {"ids": ("i3",)},
        {"sent": {"candidate.eta_min": [0.0, None]}},
        {"sent": {"recall.lexical_rank": [1.0, None]}},
    ],
)
async def test_what_the_model_reads_makes_another_key(serving, other):
    surface = serving.surface("shop")
    await rank(surface)
    assert not (await rank(surface, **other))[0].cached
    assert len(surface.cache) == 2
    assert (await rank(surface))[0].cached


async def test_a_new_release_begins_with_nothing_and_a_rollback_with_what_it_had(serving):
    old = serving.surface("shop")
    await rank(old)
    first = old.release.folder
    promote(serving.workspace, release(serving.workspace, (1.0, 0.0, 0.0, 0.0, 0.0)))
    serving.load()
    assert len(serving.surface("shop").cache) == 0
    assert not (await rank(serving.surface("shop")))[0].cached
    promote(serving.workspace, first)
    serving.load()
    assert (await rank(serving.surface("shop")))[0].cached


async def test_items_put_since_are_known_until_their_rows_are_numbered_anew(tmp_path):
    workspace = make_world(tmp_path)
    workspace.project.write_text(CACHED)
    world = World(workspace)
    world.tell(PUT_ITEM, item_id="i3", item__price=7.0)
    world.follow()
    surface = world.serving.surface("shop")
    for ids in (("i3", "i2"), ("i2", "i1")):
        assert [(await rank(surface, ids))[0].cached for _ in range(2)] == [False, True]
    view = surface.live.view
    renumbered = replace(view.state.items, lineage=view.state.items.lineage + 1)
    surface.live.view = replace(view, state=replace(view.state, items=renumbered))
    assert not (await rank(surface, ("i3", "i2")))[0].cached
    assert (await rank(surface, ("i2", "i1")))[0].cached
    world.close()


async def test_no_candidates_are_not_looked_up(serving):
    surface = serving.surface("shop")
    await rank(surface, ())
    assert len(surface.cache) == 0


async def test_less_work_is_named_from_the_cache_as_when_it_was_done(serving):
    surface = serving.surface("shop")
    less = Ladder((Effort(EffortPoint(0.5, 3, 0.3), 0.2, 9),))
    lazy = replace(surface, ladder=less)
    await rank(surface)
    first, cut = await rank(lazy)
    again, kept = await rank(lazy)
    assert [first.cached, again.cached] == [False, True]
    assert kept.coverage.degradations == cut.coverage.degradations
    assert {part.subject for part in kept.coverage.degradations} == {"candidates", "trees"}
    assert (again.trees, again.effort_candidates) == (3, 1)
    assert np.isnan(again.scores).tolist() == [False, True]
    assert [part.stage for part in kept.coverage.stages] == ["admit", "know", "hydrate", "cache", "answer"]


async def test_what_answers_on_a_thread_of_its_own_leaves_the_cache_alone(serving):
    aside = apart(serving.surface("shop"), EmbeddedStore())
    await rank(aside)
    assert aside.cache is None
    assert len(serving.surface("shop").cache) == 0


async def test_hits_misses_and_entries_are_exported(serving):
    metrics = Metrics()
    serving.loader.looked_up = metrics.looked_up
    promote(serving.workspace, release(serving.workspace, (1.0, 0.0, 0.0, 0.0, 0.0)))
    note(metrics, serving, serving.load())
    for user in ("u1", "u2", "u1"):
        await rank(serving.surface("shop"), user_id=user)
    for name, labels, value in (
        ("cache_requests_total", {"surface": "shop", "result": "hit"}, 1),
        ("cache_requests_total", {"surface": "shop", "result": "miss"}, 2),
        ("cache_entries", {"surface": "shop"}, 2),
    ):
        assert metrics.registry.get_sample_value(f"searchrank_{name}", labels) == value
