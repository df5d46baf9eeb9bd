"""The other server: FastAPI and uvicorn, rows by one MGET, numpy features, ``Booster.predict``.

What a competent team writes in a week, without a platform: one process with uvloop (and httptools where it is
installed), packed rows in Valkey over a Unix socket through hiredis, vectorised numpy, one matrix, LightGBM on one
thread. Logarithms, z-scores and cosines are computed in float64 and rounded once (a tenth of a millisecond more), so
that the model sees the bits that ours sees.
"""

from __future__ import annotations

import argparse
import json
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any, cast

import lightgbm
import numpy as np
import numpy.typing as npt
import redis
import uvicorn
import xxhash
from fastapi import FastAPI, Response
from fastapi import Request as HttpRequest
from serve_world import CANDIDATES, PACKED
from sixty import DEFINITIONS, Request, Table
from sixty_numpy import run_numpy

__all__ = ["application", "main"]

DIRECT_CALLS = 31  # before anybody asks, to see what the server adds to ``predict``


class _Ranker:
    """Rows from the store, features, scores."""

    def __init__(self, store: redis.Redis, booster: lightgbm.Booster) -> None:
        self._store = store
        self._booster = booster
        missing = np.zeros(1, PACKED)
        for name in ("numbers", "more", "vector", "place"):
            missing[name] = np.nan
        self._missing = missing.tobytes()
        self.predict_us = 0
        matrix = np.random.default_rng(1).standard_normal((CANDIDATES, booster.num_feature()), np.float32)
        self.direct_us = sorted(self._predicted(matrix)[1] for _ in range(DIRECT_CALLS))[DIRECT_CALLS // 2]

    def _predicted(self, matrix: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.float64], int]:
        """Return scores and the microseconds they took."""
        began = perf_counter()
        scores = self._booster.predict(matrix, raw_score=True, num_threads=1)
        return np.asarray(scores, np.float64), int((perf_counter() - began) * 1e6)

    def scores(self, ids: list[str], request: Request) -> npt.NDArray[np.float64]:
        """Return the score of every item, ``(n,)``."""
        found = cast("list[bytes | None]", self._store.mget(ids))
        packed = b"".join([row or self._missing for row in found])
        rows = np.frombuffer(packed, PACKED)
        table = Table(
            np.ascontiguousarray(rows["numbers"].T),
            np.ascontiguousarray(rows["categories"].T),
            rows["vector"],
            rows["place"],
            rows["words"],
        )
        width = len(DEFINITIONS)
        columns = np.empty((width + rows["more"].shape[1], len(rows)), np.float32)
        run_numpy(table, request, columns[:width], wide=True)
        columns[width:] = rows["more"].T
        matrix = np.ascontiguousarray(columns.T)
        scores, self.predict_us = self._predicted(matrix)
        return scores


def _hash(text: str) -> int:
    value = xxhash.xxh3_64_intdigest(text.encode())
    return value - (1 << 64) if value >> 63 else value


def _request(sent: dict[str, Any]) -> Request:
    return Request(
        np.array(sent["numbers"], np.float32),
        _hash(sent["category"]),
        np.array(sent["vector"], np.float32),
        np.array(sent["place"], np.float64),
        np.array([_hash(word) for word in sent["words"].split()], np.int64),
    )


def application(store: redis.Redis, booster: lightgbm.Booster) -> FastAPI:
    """Return the application: ``POST /rank`` with ids and context in JSON."""
    ranker = _Ranker(store, booster)
    app = FastAPI()

    @app.post("/rank")
    async def rank(http: HttpRequest) -> Response:
        sent = json.loads(await http.body())
        ids = sent["ids"]
        scores = ranker.scores(ids, _request(sent))
        order = np.argsort(-scores, kind="stable")
        times = {"predict": ranker.predict_us, "direct": ranker.direct_us}
        answer = {"ids": [ids[k] for k in order.tolist()], "scores": scores[order].tolist(), "stages_us": times}
        return Response(json.dumps(answer), media_type="application/json")

    return app


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to stop; writes a JSON line with the port first."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--store", required=True, help="Unix socket of the store")
    options = parser.parse_args(arguments)
    store: redis.Redis = redis.Redis(unix_socket_path=options.store)
    app = application(store, lightgbm.Booster(model_file=options.model))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        print(json.dumps({"port": listening.getsockname()[1]}), flush=True)
        config = uvicorn.Config(app, loop="uvloop", log_level="warning", access_log=False)
        uvicorn.Server(config).run(sockets=[listening])
    return 0


if __name__ == "__main__":
    sys.exit(main())
