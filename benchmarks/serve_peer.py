"""A model server beside ours: KServe or MLServer over gRPC, with ``Booster.predict`` on one thread behind it.

Run by the Python that has the peer, which need not have ours: ``serve.py --peers kserve=PYTHON,mlserver=PYTHON``. A
model server neither keeps items nor computes features, so it is handed the finished matrix, which makes its work easier
than ours.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import lightgbm
import numpy as np

__all__ = ["main"]

NAME = "forest"
_ANSWERS = os.dup(1)  # what peers log goes to standard error
Scores = Callable[[Any], Any]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def _tell_when_open(port: int) -> None:
    """Write the port as a line of JSON as soon as somebody listens there."""

    def wait() -> None:
        for _ in range(600):
            with socket.socket() as asking:
                if asking.connect_ex(("127.0.0.1", port)) == 0:
                    os.write(_ANSWERS, json.dumps({"port": port}).encode() + b"\n")
                    return
            time.sleep(0.1)

    threading.Thread(target=wait, daemon=True).start()


def _kserve(scores: Scores) -> None:
    kserve: Any = importlib.import_module("kserve")

    class Forest(kserve.Model):  # type: ignore[misc]  # of a module without types
        """The forest as KServe wants it."""

        async def predict(self, payload: Any, *_: Any, **__: Any) -> Any:
            """Score the one matrix of a request."""
            found = scores(payload.inputs[0].as_numpy())
            output = kserve.InferOutput("scores", list(found.shape), "FP64")
            output.set_data_from_numpy(found, binary_data=True)
            return kserve.InferResponse(payload.id, NAME, [output])

    model = Forest(NAME)
    model.ready = True
    port = _free_port()
    _tell_when_open(port)
    server = kserve.ModelServer(
        http_port=_free_port(), grpc_port=port, workers=1, enable_latency_logging=False, access_log_format=None
    )
    server.start([model])


def _mlserver(scores: Scores) -> None:
    mlserver: Any = importlib.import_module("mlserver")
    codecs: Any = importlib.import_module("mlserver.codecs")

    class Forest(mlserver.MLModel):  # type: ignore[misc]  # of a module without types
        """The forest as MLServer wants it."""

        async def load(self) -> bool:
            """Be ready at once."""
            return True

        async def predict(self, payload: Any) -> Any:
            """Score the one matrix of a request."""
            found = scores(codecs.NumpyCodec.decode_input(payload.inputs[0]))
            return mlserver.types.InferenceResponse(
                id=payload.id, model_name=NAME, outputs=[codecs.NumpyCodec.encode_output("scores", found)]
            )

    Forest.__qualname__ = Forest.__name__  # MLServer imports it by its name
    setattr(sys.modules[__name__], Forest.__name__, Forest)
    port = _free_port()
    _tell_when_open(port)
    settings = mlserver.Settings(
        host="127.0.0.1",
        http_port=_free_port(),
        grpc_port=port,
        metrics_port=_free_port(),
        parallel_workers=0,  # in the one process, without a hand-over
        debug=False,
        load_models_at_startup=False,
    )

    async def serve() -> None:
        server = mlserver.MLServer(settings)
        model = mlserver.ModelSettings(name=NAME, implementation=Forest)
        await server.start([model])

    asyncio.run(serve())


_SERVERS: dict[str, Callable[[Scores], None]] = {"kserve": _kserve, "mlserver": _mlserver}


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to stop; writes a JSON line with the port first."""
    parser = argparse.ArgumentParser()
    parser.add_argument("server", choices=sorted(_SERVERS))
    parser.add_argument("--model", required=True)
    options = parser.parse_args(arguments)
    os.dup2(2, 1)
    booster = lightgbm.Booster(model_file=options.model)

    def scores(matrix: Any) -> Any:
        return np.asarray(booster.predict(matrix, raw_score=True, num_threads=1), np.float64)

    sys.argv = sys.argv[:1]  # KServe reads the command line itself
    _SERVERS[options.server](scores)
    return 0


if __name__ == "__main__":
    sys.exit(main())
