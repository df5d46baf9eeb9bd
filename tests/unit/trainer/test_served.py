"""What becomes a sample of what was returned: pages, impressions, labels and what is left out."""

import numpy as np
import pyarrow as pa
import pytest

from searchrank.errors import DataError
from searchrank.events import EventLog
from searchrank.features import FeatureSet
from searchrank.serving_log import Answered, ServingLog, ServingLogWriter
from trainer.extent import Extent
from trainer.labelling import Labelling
from trainer.served import collect_served, read_returned

FEATURES = FeatureSet.parse(
    "inputs: {request.device: {type: category}, candidate.eta: {type: float}, item.price: {type: float}}\n"
    "features: {price: item.price * candidate.eta}"
)
START = 1_700_000_000_000_000
MINUTE = 60 * 10**6
LABELLING = Labelling({"click": 1, "order": 3}, 30 * MINUTE)


def answer(request, items, shown, **changed):
    """Return an answer about items, of which those at some places were returned."""
    given = {
        "rpc": "Search",
        "surface": "shop",
        "request_id": request,
        "user_id": "u",
        "session_id": "",
        "query": "",
        "request_time": START,
        "answered_at": START,
        "elapsed_us": 1,
        "release": ("taste", 1, "ab"),
        "feature_set": FEATURES,
        "snapshot_id": "s",
        "offset": 5,
        "context": {"request.device": ["phone"]},
        "columns": {"candidate.eta": np.arange(float(len(items)))},
        "item_ids": pa.array(items),
        "catalogue_ids": pa.array([], pa.string()),
        "rows": np.arange(len(items)),
        "scores": np.zeros(len(items)),
        "order": np.array(shown, np.int64),
        "features_digest": 1,
    }
    return Answered(**(given | changed))


@pytest.fixture
def served(tmp_path):
    def collect(*answers, events=(), surfaces=("shop",)):
        writer = ServingLogWriter(tmp_path / "serving")
        for one in answers:
            writer.offer(one)
        writer.close()
        log = ServingLog.open(tmp_path / "serving")
        found = read_returned(log, Extent.of(log), FEATURES, surfaces=frozenset(surfaces))
        return found, *collect_served(found, happened(tmp_path, events), FEATURES, LABELLING)

    return collect


def happened(folder, events):
    rows = [
        {"event_id": f"e{k}", "kind": kind, "request_id": request, "item_id": item, "minute": minute}
        for k, (kind, request, item, minute) in enumerate([*events, ("search", "elsewhere", None, 0)])
    ]
    table = pa.Table.from_pylist(rows)
    moments = [START + row["minute"] * MINUTE for row in rows]
    table = table.drop_columns(["minute"]).append_column("event_time", pa.array(moments, pa.timestamp("us", "UTC")))
    with EventLog.open(folder / "events", writable=True) as log:
        log.append(table)
    return EventLog.open(folder / "events")


def items(samples):
    return samples.impressions.column("item_id").to_pylist()


def test_what_was_returned_is_shown_and_labelled_by_what_happened_in_time(served):
    events = [("click", "r", "c", 1), ("order", "r", "a", 29), ("click", "r", "b", 2), ("click", "r", "a", 31)]
    _, collected, unseen = served(answer("r", ["a", "b", "c"], [2, 0]), events=events)
    samples = collected.samples
    assert (items(samples), samples.labels.tolist()) == (["c", "a"], [1.0, 3.0])
    assert samples.positions.tolist() == [0, 1]
    assert samples.impressions.column("candidate.eta").to_pylist() == [2.0, 0.0]
    assert samples.requests.column("request.device").to_pylist() == ["phone"]
    assert (collected.unmatched, collected.late, unseen) == (1, 1, 0)


def test_of_a_request_with_impressions_only_those_were_shown_from_when_they_were(served):
    events = [
        ("impression", "r", "a", 10),
        ("impression", "r", "x", 10),
        ("click", "r", "a", 39),
        ("click", "r", "b", 1),
    ]
    _, collected, unseen = served(answer("r", ["a", "b"], [0, 1]), answer("q", ["a"], [0]), events=events)
    assert (items(collected.samples), collected.samples.labels.tolist()) == (["a", "a"], [1.0, 0.0])
    assert (unseen, collected.late, collected.unmatched) == (1, 0, 1)


def test_requests_are_by_time_and_an_item_counts_once_in_each(served):
    late, again = answer("late", ["a"], [0], request_time=START + MINUTE), answer("r", ["a", "b"], [0, 1])
    _, collected, _ = served(late, again, answer("r", ["b", "c"], [0, 1]))
    samples = collected.samples
    assert (items(samples), samples.sizes.tolist()) == (["a", "b", "c", "a"], [2, 1, 1])
    assert samples.times.tolist() == [START, START, START + MINUTE]
    assert collected.repeated == 1


def test_degraded_answers_and_other_surfaces_are_left_out_and_counted(served):
    cut = answer("cut", ["a"], [0], coverage=[("recall", "popular", "too late")])
    found, collected, _ = served(
        cut, answer("other", ["a"], [0], surface="plaza"), answer("none", ["a"], []), answer("r", ["b"], [0])
    )
    assert found.left_out == {"degraded": 1, "of other surfaces": 1, "nothing was returned": 1}
    assert items(collected.samples) == ["b"]


def test_further_pages_continue_their_answer(served):
    first = answer("r", ["a", "b", "c", "d"], [3, 0])
    further = {"context": {}, "columns": {}, "features_digest": None, "first": 2}
    second = answer("r", ["c", "b"], [0, 1], **further)
    found, collected, _ = served(first, second, answer("q", ["a"], [0]))
    samples = collected.samples
    assert (items(samples), samples.sizes.tolist()) == (["d", "a", "c", "b", "a"], [4, 1])
    assert samples.positions.tolist() == [0, 1, 2, 3, 0]
    assert samples.impressions.column("candidate.eta").to_pylist() == [3.0, 0.0, 2.0, 1.0, 0.0]
    assert found.left_out == {}


def test_nothing_returned_and_nothing_looked_at_are_said(served):
    with pytest.raises(DataError, match="holds no whole answers of shop"):
        served(answer("r", ["a"], []))
    with pytest.raises(DataError, match="nobody looked at anything"):
        served(answer("q", ["a"], [0]), events=[("impression", "q", "elsewhere", 1)])


def test_the_extent_counts_answers_and_the_last_offset_of_each_snapshot(tmp_path):
    writer = ServingLogWriter(tmp_path)
    for number, snapshot in enumerate("ssts"):
        writer.offer(answer(f"r{number}", ["a"], [0], snapshot_id=snapshot, offset=number))
    writer.offer(answer("r0", ["b"], [0], first=1, offset=0))
    writer.close()
    extent = Extent.of(ServingLog.open(tmp_path))
    assert (extent.answers, extent.stops) == (4, {"s": 3, "t": 2})
    assert extent.pages.to_pylist() == [{"request_id": "r0", "item_id": "b", "position": 1}]
