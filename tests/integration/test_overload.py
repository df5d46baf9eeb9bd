"""What callers see of a worker that is asked for too much."""

import asyncio

import grpc
import pytest

from predictor.metrics import Metrics
from predictor.overload import MOST
from predictor.query import Query, search_request
from predictor.server import RankingServer
from predictor.serving import Serving
from predictor.testing import make_shop
from searchrank.v1 import ranking_pb2_grpc

pytestmark = pytest.mark.integration
REQUEST = search_request(Query(surface="shop", text="tea"))


async def ended(call) -> grpc.aio.AioRpcError | None:
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return error
    return None


async def test_what_is_too_much_is_refused_unread_with_when_to_come_back_and_the_rest_is_answered(tmp_path):
    serving, metrics = Serving(make_shop(tmp_path)), Metrics()
    serving.load()
    server = RankingServer(serving, metrics)
    port = await server.start("127.0.0.1", 0)
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = ranking_pb2_grpc.RankingServiceStub(channel)
            await stub.Search(REQUEST)
            serving.lane.overload.pressure = MOST
            ends = await asyncio.gather(*(ended(stub.Search(REQUEST)) for _ in range(40)))
    finally:
        await server.stop(0)
        serving.close()
    refused = [error for error in ends if error is not None]
    assert 0 < len(refused) < 40
    assert {error.code() for error in refused} == {grpc.StatusCode.RESOURCE_EXHAUSTED}
    assert all(int(dict(error.trailing_metadata())["grpc-retry-pushback-ms"]) > 0 for error in refused)
    samples = [one for family in metrics.registry.collect() for one in family.samples]
    unread = [one for one in samples if one.name == "searchrank_requests_total" and not one.labels["surface"]]
    assert sum(one.value for one in unread) == len(refused)
