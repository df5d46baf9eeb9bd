"""A short run over the small shop: the cache answers alike, and every turn is timed."""

import asyncio
from pathlib import Path

import pytest
from head_cache import measure

from predictor.query import Query, rank_request
from predictor.serving import Serving
from predictor.testing import make_shop


@pytest.mark.integration
def test_answers_from_the_cache_are_the_same_and_every_turn_is_timed(tmp_path: Path):
    serving = Serving(make_shop(tmp_path))
    serving.load()
    asked = [rank_request(Query(surface="shop", user_id="u1"), [f"i{k}", "i3", "i5"], {}) for k in range(6)]
    times = asyncio.run(measure(serving.surface("shop"), [one.SerializeToString() for one in asked]))
    serving.close()
    assert times.shape == (3, 6)
    assert (times > 0).all()
