"""A server of ``deadline.py`` with a fault: a small shop, one of whose recall branches hangs or is slow.

The fault is put in from outside, in this process: ``recall.testing.HangingBranch`` around a branch. The product has no
hook for it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import sys
from dataclasses import replace
from pathlib import Path

import uvloop
from typing_extensions import override

from predictor.metrics import Metrics
from predictor.server import RankingServer
from predictor.serving import Serving
from predictor.surface import ServedSurface
from recall import RecallConfig, Recaller
from recall.testing import HangingBranch
from searchrank.state import open_store
from searchrank.workspace import Workspace


class Faulty(Serving):
    """Serves what is live, with the fault in it."""

    subject = ""
    seconds: float | None = None
    broken: ServedSurface

    @override
    def surface(self, name: str) -> ServedSurface:
        """Return what serves, with its recall held up."""
        return self.broken

    def spoil(self) -> None:
        """Put the fault in."""
        surface = super().surface("shop")
        config = RecallConfig.parse(surface.config.recall)
        whole = Recaller.open(surface.snapshot.indexes, config)
        branches = [bounded.branch for bounded in whole.bounded]
        held = [HangingBranch(one, self.seconds) if one.name == self.subject else one for one in branches]
        self.broken = replace(surface, recaller=Recaller(held, config.quotas))


async def _serve(options: argparse.Namespace) -> None:
    store = open_store(options.store)
    serving = Faulty(Workspace(options.home), store)
    serving.subject, serving.seconds = options.subject, options.seconds or None
    serving.load()
    serving.spoil()
    await store.ready()
    server = RankingServer(serving, Metrics())
    port = await server.start("127.0.0.1", 0)
    sys.stdout.write(json.dumps({"port": port}) + "\n")
    sys.stdout.flush()
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    os._exit(0)  # a hanging thread would be waited for


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--home", type=Path)
    parser.add_argument("--subject", default="")
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--store", default="")
    logging.disable(logging.ERROR)
    uvloop.run(_serve(parser.parse_args()))
