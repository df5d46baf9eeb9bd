"""The client of ``deadline.py``, in a process of its own.

An open loop: arrival times are fixed in advance, and latency counts from the time a request should have been sent.
Searches go through gRPC's own client, ranking through ``deadline_wire``, which can ask for more than a server can do.
Reads one JSON command a line and answers each with one.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import sys
from time import perf_counter, time
from typing import Any

import grpc
import numpy as np
import uvloop
from deadline_wire import Refused, Wire
from serve_load import _Rank
from serve_world import draw_asked

from predictor.query import Query, search_request
from searchrank.v1 import ranking_pb2

Done = tuple[float, str, bytes, float, float]
REFUSED_SECONDS = 0.05
_METHODS: dict[str, Any] = {"search": ranking_pb2.SearchResponse, "rank": ranking_pb2.RankResponse}


def _requests(kind: str, block: int, count: int) -> list[bytes]:
    if kind == "search":
        made = [Query(surface="shop", user_id=f"u{k % 3}", text="coffee") for k in range(count)]
        return [search_request(one).SerializeToString() for one in made]
    rng, wire = np.random.default_rng([99, block]), _Rank()
    names = [ranking_pb2.RankRequest(request_id=f"{block}-{k}").SerializeToString() for k in range(count)]
    return [wire.encode(draw_asked(rng)) + name for name in names]


async def _open(send: Any, requests: list[bytes], rate: float, deadline: float) -> list[Done]:
    """Send at Poisson times; gives (ms since each should have been sent, status, answer, when that was, ms late)."""
    arrivals = np.cumsum(np.random.default_rng(7).exponential(1 / rate, len(requests)))
    start = perf_counter() + 0.1

    async def one(number: int) -> Done:
        due = start + float(arrivals[number])
        await asyncio.sleep(max(0.0, due - perf_counter()))
        late = perf_counter() - due
        try:
            answer, status = await send(requests[number], timeout=deadline - late), "OK"
        except grpc.aio.AioRpcError as error:
            answer, status = b"", error.code().name
        except Refused as refusal:
            answer, status = b"", refusal.status
        return 1e3 * (perf_counter() - due), status, answer, due, 1e3 * late

    return await asyncio.gather(*map(one, range(len(requests))))


async def _closed(send: Any, requests: list[bytes], clients: int) -> float:
    """Return requests a second of so many closed loops; those refused do not count."""
    waiting = iter(requests)

    async def loop() -> int:
        answered = 0
        for request in waiting:
            try:
                await send(request)
                answered += 1
            except Refused:
                await asyncio.sleep(REFUSED_SECONDS)
        return answered

    began = perf_counter()
    return sum(await asyncio.gather(*(loop() for _ in range(clients)))) / (perf_counter() - began)


async def _answer(send: Any, command: dict[str, Any]) -> dict[str, Any]:
    kind, seconds = command["kind"], command["seconds"]
    if "clients" in command:
        requests = _requests(kind, command["block"], int(seconds * 900))
        return {"rps": await _closed(send, requests, command["clients"])}
    requests = _requests(kind, command["block"], int(seconds * command["rate"]))
    gc.collect()
    gc.disable()
    done = await _open(send, requests, command["rate"], command["deadline"])
    gc.enable()
    clock = time() - perf_counter()
    told = [_told(kind, *one[:3]) for one in done]
    names = [{"id": f"{command['block']}-{k}", "due_us": int(1e6 * (clock + one[3]))} for k, one in enumerate(done)]
    late = np.percentile([one[4] for one in done], 99)
    return {"answers": [one | name for one, name in zip(told, names, strict=True)], "late_ms": float(late)}


def _told(kind: str, taken: float, status: str, answer: bytes) -> dict[str, Any]:
    response: Any = _METHODS[kind].FromString(answer)
    left_out = [(d.stage, d.subject, d.reason) for d in response.coverage.degradations]
    order = list(response.order)[:10] if kind == "rank" else []
    return {"ms": taken, "status": status, "left_out": left_out, "order": order}


async def _main(port: int, kind: str) -> None:
    method = f"/searchrank.v1.RankingService/{kind.title()}"
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        send: Any = channel.unary_unary(method, None, None)
        if kind == "rank":
            send = (await Wire.connect(method, port)).send
        for line in sys.stdin:
            found = await _answer(send, {"kind": kind, **json.loads(line)})
            sys.stdout.write(json.dumps(found) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int)
    parser.add_argument("--kind")
    options = parser.parse_args()
    uvloop.run(_main(options.port, options.kind))
