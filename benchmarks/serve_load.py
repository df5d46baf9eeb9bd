"""The client of ``serve.py``, in a process of its own: closed loops of distinct requests encoded before the clock runs.

Reads one JSON command a line, ``{"block": 3, "clients": 4, "seconds": 5}`` for closed loops or ``{"streams": […]}`` for
open ones, and answers each with a line of figures.
All protocols go through as little as possible: gRPC with bytes in and out over one channel, HTTP over one kept
connection a client by a reader of twenty lines. Answers are kept and looked at after the clock stopped.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, Protocol

import grpc
import numpy as np
import numpy.typing as npt
import uvloop
from serve_world import CANDIDATES, Asked, Columns, compiled, draw_asked, draw_world, item_id
from sixty import texts_of

from predictor.values import columns, item_ids
from searchrank.v1 import ranking_pb2

__all__ = ["main", "rank_request"]

WARM_SECONDS = 0.5
WARM_REQUESTS = 20
_TICKS = os.sysconf("SC_CLK_TCK")
Scores = npt.NDArray[np.float64]
Send = Callable[[bytes], Awaitable[bytes]]


class _Protocol(Protocol):
    """How requests are written, sent and read.

    Attributes:
        most: Requests encoded for each second; more than the server can answer.
    """

    most: int

    def encode(self, asked: Asked) -> bytes:
        """Return the bytes of a request."""

    async def connect(self, port: int) -> Send:
        """Return what sends one request and waits for its answer."""

    def read(self, answer: bytes, asked: Asked) -> Scores:
        """Return the scores in the order of the request's items; refuse an answer that is not whole."""


class _Rank:
    """``Rank`` over gRPC."""

    most = 1_600

    def __init__(self) -> None:
        self.stages: dict[str, list[int]] = {}
        self._channel: grpc.aio.Channel | None = None

    def encode(self, asked: Asked) -> bytes:
        return rank_request(asked)

    async def connect(self, port: int) -> Send:
        if self._channel is None:
            self._channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}")
        return self._channel.unary_unary("/searchrank.v1.RankingService/Rank", None, None)

    def read(self, answer: bytes, asked: Asked) -> Scores:
        response = ranking_pb2.RankResponse.FromString(answer)
        if response.coverage.degradations or response.unknown or len(response.scores) != len(asked.rows):
            raise SystemExit(f"not a whole answer: {response.coverage}, {len(response.scores)} scores")
        for stage in response.coverage.stages:
            self.stages.setdefault(stage.stage, []).append(stage.elapsed_us)
        scores = np.empty(len(asked.rows))
        scores[np.array(response.order)] = response.scores
        return scores


class _Http:
    """``POST /rank``."""

    most = 400

    def __init__(self) -> None:
        self.stages: dict[str, list[int]] = {}

    def encode(self, asked: Asked) -> bytes:
        request = asked.request
        sent = {
            "ids": [item_id(row) for row in asked.rows],
            "numbers": request.numbers.tolist(),
            "category": texts_of(np.array([request.category]))[0],
            "vector": request.vector.tolist(),
            "place": request.place.tolist(),
            "words": _words(asked),
        }
        body = json.dumps(sent).encode()
        head = (
            f"POST /rank HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    async def connect(self, port: int) -> Send:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)

        async def send(request: bytes) -> bytes:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise SystemExit(f"the naive server answers {head!r}")
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            return await reader.readexactly(int(length.partition(b":")[2]))

        return send

    def read(self, answer: bytes, asked: Asked) -> Scores:
        content = json.loads(answer)
        for stage, elapsed in content["stages_us"].items():
            self.stages.setdefault(stage, []).append(elapsed)
        by_id = dict(zip(content["ids"], content["scores"], strict=True))
        return np.array([by_id[item_id(row)] for row in asked.rows])


class _Infer:
    """``ModelInfer`` of the Open Inference Protocol, which is handed the finished matrix."""

    most = 400

    def __init__(self) -> None:
        self._wire: Any = grpc.protos("inference.proto")
        self._columns = Columns(draw_world(), compiled())
        self._channel: grpc.aio.Channel | None = None

    def encode(self, asked: Asked) -> bytes:
        matrix = np.ascontiguousarray(self._columns.of([asked.request], [asked.rows]).T)
        tensor = self._wire.ModelInferRequest.InferInputTensor(name="columns", datatype="FP32", shape=matrix.shape)
        message = self._wire.ModelInferRequest(
            model_name="forest", id=str(asked.rows[0]), inputs=[tensor], raw_input_contents=[matrix.tobytes()]
        )
        encoded: bytes = message.SerializeToString()
        return encoded

    async def connect(self, port: int) -> Send:
        if self._channel is None:
            self._channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}")
        return self._channel.unary_unary("/inference.GRPCInferenceService/ModelInfer", None, None)

    def read(self, answer: bytes, asked: Asked) -> Scores:
        response = self._wire.ModelInferResponse.FromString(answer)
        raw = response.raw_output_contents
        found = np.frombuffer(raw[0]) if raw else np.array(response.outputs[0].contents.fp64_contents)
        if len(found) != len(asked.rows):
            raise SystemExit(f"not a whole answer: {len(found)} scores")
        return found


_PROTOCOLS: dict[str, Callable[[], _Protocol]] = {"grpc": _Rank, "http": _Http, "infer": _Infer}


def rank_request(asked: Asked) -> bytes:
    """Return the bytes of a request of ``Rank``."""
    request = asked.request
    context: dict[str, Any] = {f"request.number_{k}": [float(v)] for k, v in enumerate(request.numbers)}
    context["request.category"] = texts_of(np.array([request.category]))
    context["request.vector"] = [request.vector]
    context["request.place"] = [tuple(request.place.tolist())]
    context["request.words"] = [_words(asked)]
    message = ranking_pb2.RankRequest(
        surface="items",
        user_id=f"user-{asked.rows[0]}",
        context=columns(context),
        candidates=item_ids([item_id(row) for row in asked.rows]),
    )
    return message.SerializeToString()


def _words(asked: Asked) -> str:
    return " ".join(filter(None, texts_of(asked.request.words)))


class _Load:
    """One server under load."""

    def __init__(self, protocol: _Protocol, options: argparse.Namespace) -> None:
        self._protocol = protocol
        self._port = options.port
        self._pid = options.pid

    async def check(self, requests: int, path: Path) -> dict[str, Any]:
        """Send fixed requests and keep the scores, ``(requests, 200)``."""
        send = await self._protocol.connect(self._port)
        rng = np.random.default_rng(77)
        scores = np.empty((requests, CANDIDATES))
        for number in range(requests):
            asked = draw_asked(rng)
            scores[number] = self._protocol.read(await send(self._protocol.encode(asked)), asked)
        np.save(path, scores)
        return {"requests": requests}

    async def paced(self, block: int, rate: float, seconds: float, candidates: int) -> dict[str, Any]:
        """Send at moments fixed beforehand, whatever becomes of the answers; times count from these moments."""
        rng = np.random.default_rng([98, block])
        moments = np.cumsum(rng.exponential(1 / rate, max(1, int(rate * seconds))))
        asked = [draw_asked(rng, candidates) for _ in moments]
        encoded = [self._protocol.encode(one) for one in asked]
        send = await self._protocol.connect(self._port)
        for _ in range(WARM_REQUESTS):
            await send(self._protocol.encode(draw_asked(rng, candidates)))
        loop = asyncio.get_running_loop()
        cpu, start = server_seconds(self._pid), loop.time() + 0.05

        async def at(moment: float, request: bytes) -> tuple[bytes, float]:
            await asyncio.sleep(start + moment - loop.time())
            return await send(request), loop.time() - start - moment

        answers = await asyncio.gather(*(at(moment, one) for moment, one in zip(moments, encoded, strict=True)))
        share = round((server_seconds(self._pid) - cpu) / (loop.time() - start), 2)
        for one, (answer, _) in zip(asked, answers, strict=True):
            self._protocol.read(answer, one)
        times = np.array([taken for _, taken in answers])
        p50, p99 = (round(float(q) * 1e3, 3) for q in np.percentile(times, [50, 99]))
        return {"rate": round(rate, 1), "requests": len(times), "p50_ms": p50, "p99_ms": p99, "core_share": share}

    async def run(self, block: int, clients: int, seconds: float, candidates: int = CANDIDATES) -> dict[str, Any]:
        """Send as fast as ``clients`` closed loops can, after a short warm-up."""
        rng = np.random.default_rng([99, block])
        most = int((WARM_SECONDS + seconds) * self._protocol.most * min(1, CANDIDATES / candidates))
        asked = [draw_asked(rng, candidates) for _ in range(most)]
        waiting = iter([(one, self._protocol.encode(one)) for one in asked])
        sends = [await self._protocol.connect(self._port) for _ in range(clients)]
        await self._loops(sends, waiting, WARM_SECONDS)
        gc.collect()
        gc.disable()
        cpu, own, began = server_seconds(self._pid), process_time(), perf_counter()
        answers = await self._loops(sends, waiting, seconds)
        elapsed = perf_counter() - began
        cpu, own = server_seconds(self._pid) - cpu, process_time() - own
        gc.enable()
        for one, answer, _ in answers:
            self._protocol.read(answer, one)
        times = np.array([taken for _, _, taken in answers])
        p50, p99 = (round(float(q) * 1e3, 3) for q in np.percentile(times, [50, 99]))
        return {
            "clients": clients,
            "requests": len(answers),
            "rps": round(len(answers) / elapsed, 1),
            "p50_ms": p50,
            "p99_ms": p99,
            "cpu_ms": round(cpu / len(answers) * 1e3, 3),
            "core_share": round(cpu / elapsed, 2),
            "client_cpu_ms": round(own / len(answers) * 1e3, 3),
            "stages_us": self._stages(),
        }

    async def _loops(self, sends: Sequence[Send], waiting: Any, seconds: float) -> list[tuple[Asked, bytes, float]]:
        answers: list[tuple[Asked, bytes, float]] = []
        end = perf_counter() + seconds

        async def loop(send: Send) -> None:
            for one, encoded in waiting:
                began = perf_counter()
                answer = await send(encoded)
                now = perf_counter()
                answers.append((one, answer, now - began))
                if now >= end:
                    return

        await asyncio.gather(*map(loop, sends))
        return answers

    def _stages(self) -> dict[str, float]:
        stages = getattr(self._protocol, "stages", {})
        medians = {name: float(np.median(times)) for name, times in stages.items()}
        stages.clear()
        return medians


def server_seconds(pid: int) -> float:
    """Return the CPU seconds a process has used, all threads, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


async def _obey(load: _Load) -> None:
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        command = json.loads(line)
        if "check" in command:
            answer = await load.check(command["requests"], Path(command["check"]))
        elif "streams" in command:
            answer = {"streams": await asyncio.gather(*(load.paced(**stream) for stream in command["streams"]))}
        else:
            answer = await load.run(**command)
        print(json.dumps(answer), flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Obey commands until standard input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--protocol", choices=sorted(_PROTOCOLS), required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--pid", type=int, required=True)
    options = parser.parse_args(arguments)
    uvloop.run(_obey(_Load(_PROTOCOLS[options.protocol](), options)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
