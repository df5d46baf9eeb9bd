import os
import resource
from collections import Counter
from contextlib import contextmanager

import numpy as np
import pyarrow as pa
import pytest

from searchrank.features import FeatureSet
from searchrank.serving_log import ServingLog, ServingLogWriter, schema
from searchrank.serving_log.batch import record_batch
from searchrank.serving_log.file import LogFile
from searchrank.serving_log.schema import Columns
from searchrank.serving_log.writer import Limits

IDLE = Limits(pause=60.0)


@pytest.fixture
def counts():
    return Counter()


@pytest.fixture
def writer(tmp_path, counts):
    opened = []

    def make(folder=tmp_path, **options):
        opened.append(ServingLogWriter(folder, count=lambda what, n: counts.update({what: n}), **options))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


def test_everything_that_waits_is_written_on_closing_in_order(tmp_path, writer, counts, answered):
    log = writer(limits=Limits(pause=60.0, batch=7))
    for number in range(50):
        log.offer(answered(number))
    assert log.queued_bytes == 50 * answered().nbytes
    log.close()
    assert log.queued_bytes == 0
    assert ServingLog.open(tmp_path).table(["request_id"]).column(0).to_pylist() == [f"r{k}" for k in range(50)]
    assert counts == {"written": 50}


def test_what_the_queue_cannot_hold_is_dropped_and_counted(tmp_path, writer, counts, answered):
    log = writer(limits=Limits(pause=60.0, queued_bytes=3 * answered().nbytes))
    for number in range(5):
        log.offer(answered(number))
    log.close()
    log.offer(answered(6))
    assert ServingLog.open(tmp_path).table(["request_id"]).column(0).to_pylist() == ["r0", "r1", "r2"]
    assert counts == {"written": 3, "dropped": 3}


def test_a_share_of_the_requests_is_chosen_by_their_ids(tmp_path, writer, counts, answered):
    logs = [writer(tmp_path / name, share=0.25, limits=IDLE) for name in "ab"]
    for log in logs:
        for number in range(400):
            log.offer(answered(number))
        log.close()
    kept = [ServingLog.open(tmp_path / name).table(["request_id"]).column(0).to_pylist() for name in "ab"]
    assert kept[0] == kept[1]
    assert 60 <= len(kept[0]) <= 140
    assert counts["written"] + counts["left_out"] == 800


def test_a_folder_that_takes_nothing_costs_the_log_and_nothing_else(tmp_path, writer, counts, answered, caplog):
    (tmp_path / "taken").write_text("a file where the folder should be")
    log = writer(tmp_path / "taken", limits=IDLE)
    log.offer(answered())
    log.close()
    assert counts == {"failed": 1}
    assert "takes nothing" in caplog.text


def test_an_answer_that_cannot_be_written_does_not_end_the_log(tmp_path, writer, counts, answered, caplog):
    log = writer(limits=Limits(pause=60.0, batch=1))
    log.offer(answered(0, context={"user.age": ["no number"]}))
    log.offer(answered(1))
    log.close()
    assert ServingLog.open(tmp_path).table(["request_id"]).column(0).to_pylist() == ["r1"]
    assert counts == {"failed": 1, "written": 1}
    assert "could not be put into the serving log" in caplog.text


def test_a_full_disk_leaves_what_was_written_readable(tmp_path, answered, features):
    file = LogFile(tmp_path, schema(features))
    file.write(record_batch([answered()], Columns.of(features)))
    random = np.random.default_rng(0).integers(0, 9, 20_000)
    large = answered(1, rows=random, scores=np.random.default_rng(0).random(20_000))
    with at_most_bytes(file.size + 5_000), pytest.raises(OSError, match="File too large"):
        file.write(record_batch([large], Columns.of(features)))
    file.give_up()
    log = ServingLog.open(tmp_path)
    assert log.table(["request_id"]).column(0).to_pylist() == ["r0"]
    assert log.torn == ()


def test_a_file_without_a_batch_is_not_left_behind(tmp_path, answered, features):
    file = LogFile(tmp_path, schema(features))
    with at_most_bytes(10), pytest.raises(OSError, match="File too large"):
        file.write(record_batch([answered()], Columns.of(features)))
    file.give_up()
    assert list(tmp_path.iterdir()) == []


@contextmanager
def at_most_bytes(size):
    """Let no file grow beyond a size, as a full disk would."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_files_are_finished_by_size_and_named_by_start_and_process(tmp_path, writer, answered):
    log = writer(limits=Limits(pause=0.001, batch=1, file_bytes=1))
    log.offer(answered(0))
    while log.queued_bytes or not list(tmp_path.iterdir()):
        pass
    log.offer(answered(1))
    log.close()
    names = sorted(path.name for path in tmp_path.iterdir())
    assert len(names) == 2
    assert all(name.endswith(f"Z-{os.getpid()}.arrows") for name in names)
    assert ServingLog.open(tmp_path).table(["request_id"]).column(0).to_pylist() == ["r0", "r1"]


def test_answers_of_another_feature_set_have_a_file_of_their_own(tmp_path, writer, answered):
    other = FeatureSet.parse("inputs: {candidate.fee: {type: float}}\nfeatures: {fee: candidate.fee * 1}")
    log = writer(limits=IDLE)
    for number in range(4):
        changed = {"feature_set": other, "context": {}, "columns": {"candidate.fee": np.full(3, 2.0)}}
        log.offer(answered(number, **(changed if number % 2 else {})))
    log.close()
    assert len(list(tmp_path.iterdir())) == 2
    table = ServingLog.open(tmp_path).table(["request_id", "candidate.fee", "request.query"])
    assert sorted(map(str, table.to_pylist())) == [
        str(
            {
                "request_id": f"r{k}",
                "candidate.fee": [2.0] * 3 if k % 2 else None,
                "request.query": [None, "tea"][k % 2 == 0],
            }
        )
        for k in range(4)
    ]
    assert table.schema.field("candidate.fee").type == pa.list_(pa.float64())
