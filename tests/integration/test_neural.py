"""A network from the event log to an answer: trained, proved, and served where PyTorch cannot be imported."""

import asyncio
import sys
from collections import Counter

import onnx
import pytest
import yaml

from examples.city.size import CitySize
from examples.city.write import write_city
from predictor import AsyncClient, Query
from predictor.metrics import Metrics
from predictor.server import RankingServer
from predictor.serving import Serving
from predictor.testing import promote
from recall import refresh_workspace
from searchrank.models import Release
from searchrank.workspace import Workspace
from trainer.job import Job
from trainer.train import train

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A small city whose live release is a network, and what training told."""
    place = Workspace(tmp_path_factory.mktemp("neural"))
    write_city(place, CitySize(items=100, users=80, events=15_000, days=12), lambda _what, _share: None)
    project = yaml.safe_load(place.project.read_text())
    project["models"]["city"] |= {"kind": "dcn_v2", "params": {"hidden": [16], "epochs": 5, "learning_rate": 0.01}}
    inputs = ["distance_km | clip(0, 50)", "price_log", "rating", "ctr", "title_match", "taste"]
    project["models"]["light"] = project["models"]["city"] | {"kind": "logistic", "params": {}, "inputs": inputs}
    place.project.write_text(yaml.safe_dump(project))
    trial = train(Job.open(place, "city"))
    refresh_workspace(place)
    promote(place, trial.folder)
    return place, trial


def test_a_network_learns_from_the_log_and_proves_itself(served):
    _, trial = served
    metrics = trial.evaluation.metrics
    assert metrics["model"]["ndcg@10"] > metrics["popularity"]["ndcg@10"]
    assert Release.open(trial.folder).manifest.lineage["parameters"]["best_epoch"] >= 1
    graph = onnx.load(trial.folder / "model.onnx").graph
    assert Counter(node.op_type for node in graph.node)["Gemm"] == 4  # a hidden layer, two cross layers, the score


def test_the_light_model_learns_from_the_same_log(served):
    place, _ = served
    trial = train(Job.open(place, "light"))
    assert Release.open(trial.folder).manifest.scorer == "linear"
    metrics = trial.evaluation.metrics
    assert metrics["model"]["ndcg@10"] > metrics["popularity"]["ndcg@10"]


async def test_it_is_served_without_pytorch(served, monkeypatch):
    place, _ = served
    monkeypatch.setitem(sys.modules, "torch", None)
    serving = Serving(place)
    server = RankingServer(serving, Metrics())
    await asyncio.to_thread(serving.load)
    client = AsyncClient(f"127.0.0.1:{await server.start('127.0.0.1', 0)}")
    answer = await client.search(Query(surface="places", user_id="u1", text="", limit=10))
    await client.close()
    await server.stop(0)
    serving.close()
    assert len(answer.ids) == 10
    assert list(answer.scores) == sorted(answer.scores, reverse=True)
    assert len(set(answer.scores)) > 5
