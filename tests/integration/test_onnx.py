"""A network that another program trained: imported, served, replayed and refused."""

import asyncio
import json
import subprocess
import sys

import numpy as np
import pytest
from onnx_files import network, weights, with_weights_outside
from typer.testing import CliRunner
from world import World, make_world

from predictor import pipeline
from predictor.query import Query, explain_request
from predictor.replay.audit import replayed
from predictor.replay.chosen import sampled
from searchrank.errors import DataError, ReleaseRefusedError
from searchrank.models import Release, find_release
from searchrank.models.kinds import parse_scorer
from searchrank.models.manifest import file_digest
from searchrank.serving_log import ServingLog
from trainer.release_cli import release

pytestmark = pytest.mark.integration

WIDTH = 6
COLUMNS = tuple("abcdef")


def run(*arguments):
    return CliRunner().invoke(release, [*map(str, arguments), "--json"])


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A workspace whose model is a network, and that has answered."""
    root = tmp_path_factory.mktemp("network")
    workspace = make_world(root / "shop")
    (root / "net.onnx").write_bytes(network(WIDTH))
    done = run("import", root / "net.onnx", "--home", workspace.root, "--promote")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["promoted"]
    assert told["scorer"] == "onnx"
    world = World(workspace)
    asyncio.run(answer(world))
    world.close()
    return workspace


async def answer(world):
    for _ in range(12):
        world.happen()
        world.follow()
        await world.ask()


def test_a_network_answers_and_every_answer_is_made_again_to_the_bit(served):
    log = ServingLog.open(served.serving)

    async def read():
        return [one async for one in replayed(served, log, sampled(log, 0).parts(), recall=False)]

    found = asyncio.run(read())
    assert len(found) == 12
    assert all(one.is_equal for one in found)
    assert sum("features" in one.compared for one in found) > 6


def test_a_network_says_that_it_has_no_contributions(served):
    world = World(served)
    request = explain_request(Query(surface="shop", user_id="u1", text="tea"), ["i1", "i2"], {})
    told = asyncio.run(pipeline.explain(world.serving.surface("shop"), request, None))
    world.close()
    assert not told.contributions
    assert ("explain", "contributions") in {(one.stage, one.subject) for one in told.coverage.degradations}


def test_another_network_in_its_place_is_refused(served):
    folder = find_release(served.releases, "taste", 3)
    before = (folder / "model.onnx").read_bytes()
    (folder / "model.onnx").chmod(0o644)
    try:
        (folder / "model.onnx").write_bytes(before[:-3] + b"abc")
        with pytest.raises(ReleaseRefusedError, match=r"model\.onnx was changed"):
            Release.open(folder)
    finally:
        (folder / "model.onnx").write_bytes(before)
    assert file_digest(folder / "model.onnx") == Release.open(folder).manifest.files["model.onnx"]


def test_scores_are_those_of_the_layers():
    x = np.random.default_rng(1).normal(size=(WIDTH, 700)).astype(np.float32)
    first, second = weights(WIDTH)
    expected = (np.maximum(x.T @ first, 0) @ second).ravel()
    scorer = parse_scorer("onnx", network(WIDTH), COLUMNS)
    assert np.allclose(scorer.score(x), expected, rtol=1e-6, atol=1e-6)
    assert scorer.score(x, 3).tobytes() == scorer.score(x).tobytes()
    assert scorer.score(x[:, :0]).shape == (0,)
    with pytest.raises(DataError, match="trained on 6 columns, got 5"):
        scorer.score(x[:5])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"not a network", "refuses the model"),
        (network(WIDTH)[:-40], "refuses the model"),
        (network(WIDTH + 1), "the model has 7 columns, the plan 6"),
        (network(WIDTH, rows=1), "open first dimension"),
        (network(WIDTH, outputs=2), "one output of floats"),
        (with_weights_outside(network(WIDTH)), "one file with all its weights"),
    ],
)
def test_what_cannot_rank_is_refused(content, words):
    with pytest.raises(DataError, match=words):
        parse_scorer("onnx", content, COLUMNS)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("none.onnx", None, "there is no file"),
        ("empty.onnx", b"", "is empty"),
        ("model.bin", b"what is this", "is no model text of LightGBM"),
        ("nan.onnx", network(WIDTH, forgives=False), "gives no number for"),
        ("cut.txt", b"tree\nversion=v4\n", "model"),
    ],
)
def test_an_import_that_fails_says_why_and_leaves_nothing(served, tmp_path, name, content, words):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    before = sorted(served.releases.rglob("*"))
    done = run("import", tmp_path / name, "--home", served.root)
    assert done.exit_code
    assert words in str(done.exception or done.output)
    assert sorted(served.releases.rglob("*")) == before


def test_a_forest_trained_elsewhere_is_imported(served, tmp_path):
    lightgbm = pytest.importorskip("lightgbm")
    x = np.random.default_rng(5).normal(size=(200, WIDTH))
    trained = lightgbm.train({"verbose": -1, "num_threads": 1}, lightgbm.Dataset(x, x[:, 0]), 5)
    trained.save_model(tmp_path / "forest.txt")
    done = run("import", tmp_path / "forest.txt", "--home", served.root)
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["scorer"] == "lightgbm"
    assert not told["promoted"]
    assert Release.open(find_release(served.releases, "taste", told["version"])).scorer.trees == 5


def test_without_onnx_runtime_the_way_out_is_named():
    code = (
        "import sys; sys.modules['onnxruntime'] = None\n"
        "from searchrank.models.kinds import parse_scorer\n"
        "try:\n    parse_scorer('onnx', b'x', ('a',))\nexcept Exception as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert "pip install 'searchrank[onnx]'" in done.stdout
