"""Vectors from the words of a request to its answer: an encoder in the worker, an index, filters, deletions."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from predictor import AsyncClient, Query
from predictor.metrics import Metrics
from predictor.server import RankingServer
from predictor.serving import Serving
from predictor.testing import ITEMS, PROJECT, make_shop
from recall.dense.sentence import SentenceEncoder, digest_of
from searchrank.events import DELETE_ITEM, PUT_ITEM, EventLog, schema
from searchrank.features import FeatureSet
from tests.unit.recall.dense.small_encoder import write_encoder

pytestmark = pytest.mark.integration
SECTION = "dense: {vectors: vectors.npz, encoder: mini, quota: 10}"
DENSE = PROJECT.replace("      item_to_item:", f"      {SECTION}\n      item_to_item:")
TEA = {f"i{k}" for k in range(0, ITEMS, 2)}
ASKED = Query(surface="shop", user_id="nobody", text="infusion", limit=30)


@pytest.fixture
def shop(tmp_path):
    write_encoder(tmp_path / "mini")
    encoder = SentenceEncoder.open(tmp_path / "mini")
    words = ["tea" if k % 2 == 0 else "coffee" for k in range(ITEMS)]
    vectors = np.array([encoder.encode(word) for word in words])
    names = np.array([f"i{k}" for k in range(ITEMS)])
    np.savez(tmp_path / "vectors.npz", ids=names, vectors=vectors, encoder=encoder.fingerprint)
    return make_shop(tmp_path, project=DENSE)


@pytest.fixture
def serving(shop):
    serving = Serving(shop)
    serving.load()
    yield serving
    serving.close()


@pytest.fixture
async def client(serving):
    async with asked(serving) as client:
        yield client


@asynccontextmanager
async def asked(serving):
    server = RankingServer(serving, Metrics())
    port = await server.start("127.0.0.1", 0)
    async with AsyncClient(f"127.0.0.1:{port}") as client:
        yield client
    await server.stop(0)


def tell(shop, kind, item, **columns):
    with EventLog.open(shop.events, writable=True, schema=schema(FeatureSet.load(shop.features))) as log:
        moment = pa.array([time.time_ns() // 1_000], pa.timestamp("us", "UTC"))
        row = {"event_id": [f"e{log.end}"], "kind": [kind], "event_time": moment, "item_id": [item]}
        log.append(pa.table(row | {name.replace("__", "."): [value] for name, value in columns.items()}))


def by_vectors(answer):
    pairs = zip(answer.ids, answer.found_by, strict=True)
    return {item: way for item, ways in pairs for way in ways if way.branch == "dense"}


async def test_a_word_that_no_item_holds_finds_what_means_the_same(client):
    answer = await client.search(ASKED)
    found = by_vectors(answer)
    assert len(found) == 10
    assert set(found) <= TEA
    told = {part.branch: part for part in answer.coverage.branches}
    assert (told["dense"].outcome, told["dense"].returned) == ("answered", 10)
    assert told["lexical"].returned == 0


async def test_recall_alone_says_rank_and_score(client):
    found = by_vectors(await client.recall(ASKED, ["dense"]))
    assert sorted(way.rank for way in found.values()) == list(range(1, 11))
    assert all(0.98 < way.score <= 1.0 for way in found.values())


async def test_a_filter_holds_inside_the_branch(client):
    found = by_vectors(await client.search(replace(ASKED, filter="item.price < 4")))
    assert set(found) == {"i0", "i1", "i2", "i3"}
    assert {item for item, way in found.items() if way.rank <= 2} == {"i0", "i2"}


async def test_a_query_without_words_is_answered_without_vectors(client):
    answer = await client.search(replace(ASKED, text=""))
    assert not by_vectors(answer)
    assert {part.branch: part.outcome for part in answer.coverage.branches}["dense"] == "answered"


async def test_a_deleted_item_is_found_no_longer(shop, serving, client):
    before = by_vectors(await client.search(ASKED))
    gone = min(before, key=lambda item: before[item].rank)
    tell(shop, DELETE_ITEM, gone)
    serving.follow()
    after = by_vectors(await client.search(ASKED))
    assert gone not in after
    assert len(after) == 10
    assert set(after) <= TEA


async def test_an_item_put_a_moment_ago_is_found_by_its_vector(tmp_path):
    write_encoder(tmp_path / "mini")
    made_by = digest_of(tmp_path / "mini")
    project = DENSE.replace("vectors: vectors.npz", f"vectors: item.meaning, made_by: '{made_by}'")
    meanings = pa.array([[0.0, 1.0, 0.0]] * ITEMS, pa.list_(pa.float32()))
    declared = "  item.meaning: {type: vector, size: 3}\n"
    shop = make_shop(tmp_path, project=project, inputs=declared, columns={"item.meaning": meanings})
    serving = Serving(shop)
    serving.load()
    async with asked(serving) as client:
        before = by_vectors(await client.search(ASKED))
        tell(shop, PUT_ITEM, "new", item__price=1.0, item__title="leaves", item__meaning=[1.0, 0.0, 0.0])
        tell(shop, PUT_ITEM, "i3", item__price=1.0, item__title="leaves", item__meaning=[1.0, 0.8, 0.0])
        serving.follow()
        after = by_vectors(await client.search(ASKED))
    serving.close()
    assert max(way.score for way in before.values()) < 0.2
    assert [after[item].rank for item in ("new", "i3")] == [1, 2]
    assert after["new"].score > 0.9 > after["i3"].score > 0.8
