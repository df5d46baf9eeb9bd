"""One server in this process, asked over loopback: statuses, health, reflection, an end without lost requests."""

import asyncio
import time

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from predictor import AsyncClient, Client, Query
from predictor.lane import Lane
from predictor.metrics import Metrics
from predictor.server import SERVICES, RankingServer
from predictor.serving import Serving
from predictor.testing import make_shop, promote, release
from predictor.watch import watch
from searchrank.errors import ConflictError, DeadlineError, RequestError, SearchRankError, UnavailableError
from searchrank.v1 import ranking_pb2, ranking_pb2_grpc

pytestmark = pytest.mark.integration
ASKED = Query(surface="shop", user_id="u1")


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    serving = Serving(make_shop(tmp_path_factory.mktemp("shop")))
    serving.load()
    yield serving
    serving.close()


class Failing:
    """Serves a surface that is not there for a reason nobody thought of."""

    lane = Lane()

    def alarms(self):
        return []

    def called(self, name):
        return name

    def surface(self, name):
        raise ZeroDivisionError(name)


class Started:
    """A server for the length of an ``async with`` block."""

    def __init__(self, serving):
        self.metrics = Metrics()
        self.server = RankingServer(serving, self.metrics)

    async def __aenter__(self):
        self.port = await self.server.start("127.0.0.1", 0)
        self.target = f"127.0.0.1:{self.port}"
        return self

    async def __aexit__(self, *_):
        await self.server.stop(0)

    def count(self, rpc, status, surface="shop") -> float:
        return self.sample("searchrank_requests_total", rpc=rpc, status=status, surface=surface)

    def sample(self, name, **labels) -> float:
        """Return the sum of a metric's samples that have these labels, whatever the others."""
        samples = (sample for family in self.metrics.registry.collect() for sample in family.samples)
        return sum(one.value for one in samples if one.name == name and labels.items() <= one.labels.items())


async def test_the_async_client_ranks_searches_and_explains(shop):
    async with Started(shop) as started, AsyncClient(started.target) as client:
        assert (await client.rank(ASKED, ["i3", "i1"])).ids == ["i1", "i3"]
        assert (await client.search(Query(surface="shop", text="tea"))).ids
        assert (await client.explain(ASKED, ["i3"])).columns[0] == "price"
        assert started.count("Rank", "OK") == 1


async def test_a_call_is_counted_under_the_release_that_scored_it_or_none(shop):
    async with Started(shop) as started, AsyncClient(started.target) as client:
        found = await client.rank(ASKED, ["i1"])
        with pytest.raises(RequestError):
            await client.rank(Query(surface="nope"), ["i1"])
        told = {"rpc": "Rank", "status": "OK", "surface": "shop"}
        name = f"{found.release.name}@{found.release.version}"
        assert started.sample("searchrank_requests_total", **told, release=name) == 1
        assert started.sample("searchrank_requests_total", status="INVALID_ARGUMENT", release="") == 1


async def test_stages_candidates_and_what_was_left_out_are_counted_by_surface(shop):
    async with Started(shop) as started, AsyncClient(started.target) as client:
        found = await client.search(Query(surface="", text="tea"))
        await client.rank(ASKED, ["i1", "i2", "i3"])
        assert started.sample("searchrank_candidates_sum", rpc="Search", surface="shop") == found.candidates
        assert started.sample("searchrank_candidates_sum", rpc="Rank", surface="shop") == 3
        for stage in found.coverage.stages:
            assert started.sample("searchrank_stage_seconds_count", stage=stage, surface="shop") >= 1
        seconds = started.sample("searchrank_stage_seconds_sum", stage="recall", surface="shop")
        assert seconds == pytest.approx(found.coverage.stages["recall"] * 1e-6)


async def test_the_sync_client_does_the_same(shop):
    async with Started(shop) as started:

        def ask():
            with Client([started.target]) as client:
                return client.rank(ASKED, ["i3", "i1"]).ids

        assert await asyncio.to_thread(ask) == ["i1", "i3"]


async def test_a_wrong_request_is_an_invalid_argument_that_names_the_field(shop):
    async with Started(shop) as started, AsyncClient(started.target) as client:
        with pytest.raises(RequestError, match="candidate_columns") as refusal:
            await client.rank(ASKED, ["i1", "i2"], {"candidate.eta_min": [1.0]})
        assert refusal.value.field == 'candidate_columns["candidate.eta_min"]'
        with pytest.raises(RequestError, match="there is no surface"):
            await client.rank(Query(surface="plaza"), ["i1"])
        assert started.count("Rank", "INVALID_ARGUMENT") == 1
        assert started.count("Rank", "INVALID_ARGUMENT", surface="") == 1
        assert (await client.rank(ASKED, ["i1"])).ids == ["i1"]


async def test_an_unforeseen_failure_is_internal_and_names_the_request(caplog):
    async with Started(Failing()) as started, AsyncClient(started.target) as client:
        with pytest.raises(SearchRankError, match="logged why under request 'r7'") as failure:
            await client.rank(Query(surface="shop", request_id="r7"), ["i1"])
        assert type(failure.value) is SearchRankError
        assert started.count("Rank", "INTERNAL") == 1
    (line,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert line.fields == {"rpc": "Rank", "surface": "shop", "release": "", "request_id": "r7", "candidates": 0}


async def test_a_caller_that_gave_no_time_is_told_that_it_ran_out(shop):
    async with Started(shop) as started, AsyncClient(started.target) as client:
        with pytest.raises(DeadlineError):
            await client.rank(ASKED, ["i1"], timeout=-1.0)


async def test_a_hundred_thousand_candidates_are_refused_in_words(shop):
    async with Started(shop) as started, AsyncClient(started.target) as client:
        with pytest.raises(RequestError, match="at most 10,000"):
            await client.rank(ASKED, [f"item-number-{k:020}" for k in range(100_000)], timeout=10)


async def test_nothing_listening_says_how_to_start_it():
    async with AsyncClient("127.0.0.1:9") as client:
        with pytest.raises(UnavailableError, match="searchrank serve"):
            await client.rank(ASKED, ["i1"])


async def test_a_target_without_a_port_is_refused():
    with pytest.raises(RequestError, match="is not host:port"):
        AsyncClient("localhost")


async def test_health_and_reflection_answer(shop):
    async with Started(shop) as started, grpc.aio.insecure_channel(started.target) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        for service in ("", *SERVICES):
            answer = await health.Check(health_pb2.HealthCheckRequest(service=service))
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        reflection = reflection_pb2_grpc.ServerReflectionStub(channel)
        asked = reflection_pb2.ServerReflectionRequest(list_services="")
        answers = [a async for a in reflection.ServerReflectionInfo(iter([asked]))]
        names = {s.name for s in answers[0].list_services_response.service}
        assert {*SERVICES, "grpc.health.v1.Health"} <= names


async def test_a_taken_port_is_a_conflict(shop):
    async with Started(shop) as started:
        with pytest.raises(ConflictError, match=f"{started.port}.*taken"):
            await RankingServer(shop, Metrics()).start("127.0.0.1", started.port)


async def test_stopping_lets_running_requests_finish_and_reports_not_serving(shop):
    started = Started(shop)
    async with started, grpc.aio.insecure_channel(started.target) as channel:
        stub = ranking_pb2_grpc.RankingServiceStub(channel)
        many = ranking_pb2.RankRequest(surface="shop")
        many.candidates.strings.values.extend(f"i{k % 40}" for k in range(10_000))
        calls = [asyncio.ensure_future(stub.Rank(many)) for _ in range(8)]
        while not started.count("Rank", "OK"):
            await asyncio.sleep(0.001)
        await started.server.stop(5.0)
        answers = await asyncio.gather(*calls, return_exceptions=True)
        whole = [a for a in answers if not isinstance(a, Exception)]
        assert all(len(a.order) == 10_000 for a in whole)
        assert started.count("Rank", "OK") == len(whole)


async def test_a_promotion_is_served_without_a_lost_request_and_a_bad_one_is_refused(tmp_path):
    serving = Serving(make_shop(tmp_path))
    serving.load()
    async with Started(serving) as started, AsyncClient(started.target) as client:
        follower = asyncio.create_task(watch(serving, started.metrics, period=0.01))
        first = await client.rank(ASKED, ["i1", "i2"])
        assert first.ids == ["i1", "i2"]
        promote(serving.workspace, release(serving.workspace, (1.0, 0.0, 0.0, 0.0, 0.0)))
        second = await _until(client, lambda answer: answer.release.version == "2")
        assert second.ids == ["i2", "i1"]
        bad = release(serving.workspace, (5.0, 0.0, 0.0, 0.0, 0.0))
        (bad / "golden.arrow").chmod(0o644)
        (bad / "golden.arrow").write_bytes(b"nothing")
        promote(serving.workspace, bad)
        refused = lambda _: started.metrics.registry.get_sample_value(  # noqa: E731
            "searchrank_loads_total", {"result": "refused"}
        )
        last = await _until(client, refused)
        assert last.release.version == "2"
        follower.cancel()
    serving.close()


async def _until(client, arrived, seconds=5.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = await client.rank(ASKED, ["i1", "i2"])
        if arrived(answer):
            return answer
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen in time")
