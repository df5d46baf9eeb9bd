"""Files of every form so far must stay readable; ``tests/golden/serving_log-1.arrows`` was written by form 1."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from searchrank.experiments import Assigned
from searchrank.serving_log import ServingLog, schema
from searchrank.serving_log.batch import record_batch
from searchrank.serving_log.file import LogFile
from searchrank.serving_log.schema import Columns

GOLDEN = Path(__file__).parents[2] / "golden" / "serving_log-1.arrows"
FULL = {
    "request_id": "r0",
    "rpc": "Search",
    "surface": "shop",
    "user_id": "u1",
    "session_id": "s1",
    "query": "tea",
    "request_time": datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC),
    "answered_at": datetime(2023, 11, 14, 22, 13, 20, 500_000, tzinfo=UTC),
    "elapsed_us": 900,
    "release_name": "taste",
    "release_version": 3,
    "release_digest": "ab" * 32,
    "snapshot_id": "first",
    "offset": 17,
    "user_offset": 9,
    "experiments": "v1",
    "arms": [{"layer": "page", "experiment": "longer", "arm": "long", "propensity": 0.5, "overridden": True}],
    "coverage": [{"stage": "recall", "subject": "popular", "reason": "too late"}],
    "features_digest": -5,
    "filter": "item.price < 9",
    "sort": [{"expression": "item.price", "descending": True}],
    "trees": 100,
    "effort_candidates": 3,
    "blend": "0.5 * taste",
    "models": ["other@2#cd"],
    "rerank": "ef",
    "cached": True,
    "item_id": ["i4", "i2", "i7"],
    "revision": [-1, 12, -1],
    "position": [-1, 21, 20],
    "score": [0.25, 2.0, 1.5],
    "propensity": [0.5, 0.25, 1.0],
    "request.time": datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC),
    "request.query": "tea",
    "request.location": [31.2, 121.5],
    "session.device": "phone",
    "user.age": 31.0,
    "user.recent": ["i1", "i2"],
    "query.weights": {"a": 1.5},
    "candidate.eta": [1.0, None, 3.0],
    "candidate.badge": ["new", None, "old"],
    "candidate.vector": [[1.0, 2.0], None, [5.0, 6.0]],
    "recall.score": [0.5, 0.25, None],
}
LATER = ("filter", "sort", "trees", "effort_candidates", "blend", "models", "rerank", "cached", "propensity")
"""Columns that the golden file has not."""
LISTS = {"item_id": ["i4", "i2", "i7"], "revision": [-1, -1, -1], "position": [-1, 1, 0], "score": [0.25, None, 1.5]}


def write(folder, answered, features) -> Path:
    """Write what the golden file holds; run this to make the file of a new form."""
    full = answered(
        session_id="s1",
        user_offset=9,
        experiments="v1",
        arms=(Assigned("page", "longer", "long", 0.5, overridden=True),),
        coverage=[("recall", "popular", "too late")],
        revisions=np.array([-1, 12, -1]),
        scores=np.array([0.25, 2.0, 1.5]),
        filter="item.price < 9",
        sort=[("item.price", True)],
        trees=100,
        effort_candidates=3,
        blend="0.5 * taste",
        models=["other@2#cd"],
        rerank="ef",
        cached=True,
        propensities=np.array([0.5, 0.25, 1.0]),
        first=20,
        context={
            "request.time": np.array([1_700_000_000_000_000]),
            "request.query": ["tea"],
            "request.location": np.array([[31.2, 121.5]]),
            "session.device": ["phone"],
            "user.age": np.array([31.0]),
            "user.recent": pa.array([["i1", "i2"]]),
            "query.weights": pa.array([[("a", 1.5)]], pa.map_(pa.string(), pa.float32())),
        },
        columns={
            "candidate.eta": np.array([1.0, np.nan, 3.0]),
            "candidate.badge": ["new", None, "old"],
            "candidate.vector": np.array([[1, 2], [np.nan, np.nan], [5, 6]], np.float32),
            "recall.score": np.array([0.5, 0.25, np.nan]),
        },
    )
    file = LogFile(folder, schema(features))
    file.write(record_batch([full], Columns.of(features)))
    file.write(
        record_batch([answered(1, user_id="", query="", context={}, features_digest=None)], Columns.of(features))
    )
    file.close()
    return file.path


@pytest.fixture(params=["golden", "written now"])
def log(request, tmp_path, answered, features):
    if request.param == "golden":
        shutil.copy(GOLDEN, tmp_path)
    else:
        write(tmp_path, answered, features)
    return ServingLog.open(tmp_path)


def test_a_full_answer_reads_as_it_was_written(log, request):
    since = dict.fromkeys(LATER) if request.node.callspec.params["log"] == "golden" else {}
    assert log.table().to_pylist(maps_as_pydicts="strict")[0] == {**FULL, **since}


def test_an_answer_that_says_little_reads_as_it_was_written(log):
    bare = log.table().to_pylist()[1]
    assert bare["request_id"] == "r1"
    assert {name: value for name, value in bare.items() if value == []} == {"arms": [], "coverage": []}
    assert [
        name for name in ("user_id", "query", "features_digest", *LATER, *list(FULL)[32:]) if bare[name] is not None
    ] == []
    scores = [None if score != score else score for score in bare["score"]]  # noqa: PLR0124 - NaN
    assert {**{name: bare[name] for name in LISTS}, "score": scores} == LISTS
