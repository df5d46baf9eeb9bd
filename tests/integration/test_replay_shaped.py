"""Answers whose lists or scores were shaped after the model are made again as they were then."""

import asyncio
from dataclasses import replace

import pytest
from world import World, make_world

from predictor.query import Query
from predictor.replay.audit import replayed
from searchrank.serving_log import ServingLog

pytestmark = pytest.mark.integration

CHANCE = "rerank: {rules: ['bury when item.price > 20'], explore: {method: plackett_luce, rate: 1, depth: 30}}"


@pytest.mark.parametrize("section", [CHANCE, 'blend: {models: {taste: taste}, score: "2*taste - item.price"}'])
def test_a_shaped_answer_is_made_again_after_the_section_has_gone(tmp_path, section):
    workspace = make_world(tmp_path)
    plain = workspace.project.read_text()
    workspace.project.write_text(plain.replace("\nmodels:", f"\n    {section}\nmodels:"))
    world = World(workspace)
    for number in range(8):
        asyncio.run(world.search(replace(Query(surface="shop", user_id="u1", text="tea"), request_id=f"r{number}")))
    world.close()
    if "rerank" in section:  # the log has all of it, the names of a blend's scores are the project's
        workspace.project.write_text(plain)
    log = ServingLog.open(workspace.serving)
    parts = list(log.checked())
    shaped = [batch.column(section.partition(":")[0])[0].is_valid for batch in (part.batch for part in parts)]
    assert shaped
    assert all(shaped)

    async def verdicts():
        return [verdict async for verdict in replayed(workspace, log, parts, recall=False)]

    assert [one.differences for one in asyncio.run(verdicts())] == [()] * 8
