"""Answers while workers and Valkey are killed: the benchmark's own check of them, and a short run of it."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from chaos import REACH, run
from chaos_check import Asked, differing

from predictor import Query, pipeline
from predictor.answers import SearchResult
from predictor.query import search_request
from predictor.serving import Serving
from predictor.testing import make_shop

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def test_an_answer_that_differs_in_a_bit_is_noticed(tmp_path):
    shop = make_shop(tmp_path / "shop")
    shop.events.mkdir(exist_ok=True)
    serving = Serving(shop)
    serving.load()
    query = Query(surface="shop", user_id="u1", text="tea", time=datetime.now(UTC))
    message = asyncio.run(pipeline.search(serving.surface("shop"), search_request(query), None))
    serving.close()
    right = Asked.of(query, [], SearchResult.of(message))
    ids, scores = right.found
    assert ids
    flipped = replace(right, found=(ids, bytes([scores[0] ^ 1]) + scores[1:]))
    other = replace(right, query=replace(query, user_id="u2"))
    assert differing(shop, tmp_path / "reference", [right, flipped, other], REACH) == [flipped, other]


def test_answers_are_right_or_marked_while_processes_are_killed(tmp_path):
    figures = run(tmp_path, 3.0, pause=0.8)
    assert figures.wrong == 0
    assert figures.answers > figures.degraded
    assert sum(figures.kills.values()) > 0
