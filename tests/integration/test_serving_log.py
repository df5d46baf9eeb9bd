"""What a served shop logs: every answer once and as it was given, by workers that may be killed at any moment."""

import os
import signal
import time
from contextlib import suppress
from datetime import UTC, datetime

import pytest

from predictor import AsyncClient, Client, Query, ServeOptions, pipeline, running_server
from predictor.metrics import Metrics
from predictor.recording import open_log
from predictor.server import RankingServer
from predictor.serving import Serving
from predictor.testing import make_shop
from searchrank.errors import NotFoundError, RequestError, UnavailableError
from searchrank.experiments import Experiments
from searchrank.serving_log import FeaturesDigest, ServingLog
from searchrank.v1 import ranking_pb2

pytestmark = pytest.mark.integration

EXPERIMENT = """
surfaces:
  shop:
    page:
      salt: shop-page
      parameters:
        page_size: {type: integer, sets: limit}
      experiments:
        longer:
          buckets: 0-9999
          arms:
            control: {weight: 1}
            long: {weight: 1, set: {page_size: 20}}
"""


class Logged:
    """A server in this process with a serving log, for the length of an ``async with`` block."""

    def __init__(self, workspace, share=1.0):
        self.workspace = workspace
        self.serving = Serving(workspace)
        self.serving.load()
        self.metrics = Metrics()
        self.log = open_log(workspace, self.metrics, share)
        self.server = RankingServer(self.serving, self.metrics, self.log.offer if self.log else None)

    async def __aenter__(self):
        port = await self.server.start("127.0.0.1", 0)
        self.client = AsyncClient(f"127.0.0.1:{port}")
        return self

    async def __aexit__(self, *_):
        await self.client.close()
        await self.server.stop(0)
        if self.log:
            self.log.close()
        self.serving.close()

    def count(self, result) -> float:
        name = "searchrank_serving_log_answers_total"
        return self.metrics.registry.get_sample_value(name, {"result": result}) or 0.0


@pytest.fixture
def shop(tmp_path):
    return make_shop(tmp_path)


def rows(workspace):
    return ServingLog.open(workspace.serving).table().to_pylist()


async def test_every_answer_is_logged_once_and_as_it_was_given(shop):
    moment = datetime(2026, 3, 1, 8, tzinfo=UTC)
    asked = Query(surface="shop", user_id="u1", session_id="s", text="tea", time=moment, context={"user.age": 31.0})
    async with Logged(shop) as logged:
        ranked = await logged.client.rank(asked, ["i3", "nowhere", "i1"], {"candidate.eta_min": [5.0, None, 2.0]})
        found = await logged.client.search(asked)
        assert logged.log.queued_bytes > 0
    first, second = rows(shop)
    assert [(row["rpc"], row["request_id"]) for row in (first, second)] == [
        ("Rank", ranked.request_id),
        ("Search", found.request_id),
    ]
    for row, answer in ((first, ranked), (second, found)):
        returned = sorted(
            (p, i, s) for p, i, s in zip(row["position"], row["item_id"], row["score"], strict=True) if p >= 0
        )
        assert [item for _, item, _ in returned] == list(answer.ids)
        assert [score for *_, score in returned] == answer.scores.tolist()
        release = answer.release
        assert (row["release_name"], str(row["release_version"])) == (release.name, release.version)
        assert (row["release_digest"], row["snapshot_id"]) == (release.digest, answer.snapshot_id)
        assert (row["surface"], row["user_id"], row["session_id"], row["query"]) == ("shop", "u1", "s", "tea")
        assert row["request_time"] == moment
        assert row["user.age"] == 31.0
    assert first["item_id"] == ["i3", "nowhere", "i1"]
    assert first["candidate.eta_min"] == [5.0, None, 2.0]
    assert first["recall.lexical_rank"] is None
    assert len(second["item_id"]) == found.candidates > len(found.ids)
    assert len(second["recall.lexical_rank"]) == found.candidates
    assert first["features_digest"] not in {None, second["features_digest"]}
    assert logged.count("written") == 2


async def test_the_digest_is_that_of_the_features_explained(shop):
    asked = Query(surface="shop", user_id="u1", time=datetime(2026, 3, 1, tzinfo=UTC))
    async with Logged(shop) as logged:
        await logged.client.rank(asked, ["i3", "i1", "nowhere"])
        told = await logged.client.explain(asked, ["i3", "i1", "nowhere"])
    (row,) = rows(shop)
    release = logged.serving.surface("shop").release
    digest = FeaturesDigest(release.plan.item_only)
    digest.add(told.features.T)
    assert 0 < len(release.plan.item_only) < len(release.plan.columns)
    assert row["features_digest"] == digest.value


async def test_what_is_explained_or_refused_is_not_logged(shop):
    async with Logged(shop) as logged:
        await logged.client.explain(Query(surface="shop"), ["i3"])
        with pytest.raises(RequestError):
            await logged.client.rank(Query(surface="shop"), [""])
        await logged.client.rank(Query(surface="shop"), ["i1"])
    assert len(rows(shop)) == 1


async def test_arms_are_logged_as_they_were_answered(shop):
    shop.experiments.write_text(EXPERIMENT)
    async with Logged(shop) as logged:
        answers = [await logged.client.search(Query(surface="shop", user_id=f"u{k}", text="tea")) for k in range(12)]
    found = rows(shop)
    assert [[arm["arm"] for arm in row["arms"]] for row in found] == [[arm.arm for arm in one.arms] for one in answers]
    assert {row["arms"][0]["propensity"] for row in found} == {0.5}
    assert {row["experiments"] for row in found} == {Experiments.parse(EXPERIMENT).version}
    assert len({len([p for p in row["position"] if p >= 0]) for row in found}) == 2


async def test_what_was_left_out_is_logged_and_then_there_is_no_digest(shop):
    request = ranking_pb2.RankRequest(candidates={"strings": {"values": ["i1", "i2"]}})
    async with Logged(shop) as logged:
        answer = await pipeline.rank(logged.serving.surface("shop"), request, -1.0, logged.log.offer)
    (row,) = rows(shop)
    (part,) = answer.coverage.degradations
    assert row["coverage"] == [{"stage": part.stage, "subject": part.subject, "reason": part.reason}]
    assert row["features_digest"] is None
    assert all(score != score for score in row["score"])  # noqa: PLR0124 - NaN


async def test_nothing_is_logged_when_it_is_off(shop):
    async with Logged(shop, share=0.0) as logged:
        await logged.client.rank(Query(surface="shop"), ["i1"])
    with pytest.raises(NotFoundError):
        ServingLog.open(shop.serving)


async def test_a_disk_that_takes_nothing_costs_no_answer(shop):
    shop.serving.write_text("a file where the folder should be")
    async with Logged(shop) as logged:
        for _ in range(3):
            assert (await logged.client.rank(Query(surface="shop"), ["i1"])).ids == ["i1"]
    assert logged.count("failed") == 3


@pytest.mark.slow
def test_workers_that_stop_or_are_killed_leave_readable_files(shop):
    asked, answered = Query(surface="shop", user_id="u1"), []
    with running_server(ServeOptions(home=shop.root, port=0, workers=2)) as targets:
        with Client(targets) as client:
            answered += [client.rank(asked, ["i1", "i2"]).request_id for _ in range(40)]
        while _logged(shop) < 40:
            time.sleep(0.02)
        victim = ServingLog.open(shop.serving).files[0]
        os.kill(int(victim.path.stem.rsplit("-", 1)[1]), signal.SIGKILL)
        while len(answered) < 60:
            with Client(targets) as client, suppress(UnavailableError):
                answered.append(client.rank(asked, ["i1"], timeout=5.0).request_id)
    log = ServingLog.open(shop.serving)
    assert victim in log.files
    assert len(log.files) >= 2
    assert log.torn == ()
    assert sorted(log.table(["request_id"]).column(0).to_pylist()) == sorted(answered)


def _logged(workspace) -> int:
    try:
        return len(ServingLog.open(workspace.serving).table(["request_id"]))
    except NotFoundError:
        return 0
