"""Indexes change under those who search: swapped at once, refused when they do not fit, whole after a kill."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from predictor import AsyncClient, Query
from predictor.metrics import Metrics
from predictor.server import RankingServer
from predictor.serving import Serving
from predictor.testing import ITEMS, make_shop, make_snapshot
from predictor.watch import watch
from recall import Query as Words
from recall.collection.corpus import Corpus, build_corpus

pytestmark = pytest.mark.integration
EVERYTHING = Query(surface="shop", text="tea coffee", filter="item.price >= 0", limit=ITEMS)
KILLED = """
import os, pathlib, signal, sys
from recall.collection import corpus
lines = corpus.read_lines
def dying(path, told):
    for number, line in enumerate(lines(path, told)):
        if number == 1_000:
            os.kill(os.getpid(), signal.SIGKILL)
        yield line
corpus.read_lines = dying
corpus.build_corpus(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
"""


async def test_every_answer_under_swaps_is_of_one_snapshot(tmp_path):
    shop = make_shop(tmp_path)
    serving, metrics = Serving(shop), Metrics()
    serving.load()
    server = RankingServer(serving, metrics)
    target = f"127.0.0.1:{await server.start('127.0.0.1', 0)}"
    following = asyncio.create_task(watch(serving, metrics, period=0.01))
    holds = {"first": set(), "second": {"i0", "i1"}, "third": {"i2"}}  # what a snapshot is without
    seen, stop = {}, asyncio.Event()

    async def ask(client) -> None:
        while not stop.is_set():
            found = await client.recall(EVERYTHING)
            assert not set(found.ids) & holds[found.snapshot_id]
            assert not found.coverage.degradations
            seen[found.snapshot_id] = seen.get(found.snapshot_id, 0) + 1

    async with AsyncClient(target) as client:
        asking = [asyncio.create_task(ask(client)) for _ in range(4)]
        for name in ("first", "second", "third"):
            if name != "first":
                await asyncio.to_thread(make_snapshot, shop, name, without=holds[name])
            while seen.get(name, 0) < 20:
                await asyncio.sleep(0.005)
        stop.set()
        await asyncio.gather(*asking)
    following.cancel()
    await server.stop(0)
    serving.close()
    assert set(seen) == set(holds)


async def test_a_snapshot_whose_words_were_cut_otherwise_is_refused_and_the_old_one_answers(tmp_path, caplog):
    shop = make_shop(tmp_path)
    serving = Serving(shop)
    serving.load()
    folder = make_snapshot(shop, "second")
    (manifest,) = folder.glob("indexes/lexical-*/manifest.json")
    told = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(told | {"analyser": "another"}))
    with caplog.at_level(logging.CRITICAL):
        loaded = serving.load()
    assert "analyser another" in str(loaded.refused["shop"])
    assert serving.surface("shop").snapshot.manifest.id == "first"
    serving.close()


def test_a_collection_whose_build_is_killed_is_searched_as_it_was(tmp_path: Path):
    old, new = tmp_path / "old.jsonl", tmp_path / "new.jsonl"
    old.write_text('{"_id": "kept", "title": "tea", "text": ""}\n')
    new.write_text("".join(f'{{"_id": "n{k}", "title": "tea", "text": ""}}\n' for k in range(2_000)))
    build_corpus(old, tmp_path / "index")
    done = subprocess.run([sys.executable, "-c", KILLED, str(new), str(tmp_path / "index")], check=False)
    assert done.returncode == -signal.SIGKILL
    assert (tmp_path / ".index.building").is_dir(), "it was under way"
    corpus = Corpus.open(tmp_path / "index")
    found = corpus.recaller.retrieve(Words(text="tea"), 10).recalled.rows
    assert [corpus.ids[row] for row in found] == ["kept"]
    assert build_corpus(new, tmp_path / "index") == 2_000
    assert not (tmp_path / ".index.building").exists()
