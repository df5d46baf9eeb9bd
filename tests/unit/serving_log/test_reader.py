from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from searchrank.errors import DataError, NotFoundError
from searchrank.features import FeatureSet
from searchrank.serving_log import ServingLog, schema
from searchrank.serving_log.batch import record_batch
from searchrank.serving_log.file import LogFile
from searchrank.serving_log.schema import Columns

START = datetime.fromtimestamp(1_700_000_000, UTC)


@pytest.fixture
def written(tmp_path, answered, features):
    """A finished file of three batches of two answers."""
    file = LogFile(tmp_path, schema(features))
    for number in range(0, 6, 2):
        snapshots = [
            {"snapshot_id": f"s{k // 3}", "answered_at": (1_700_000_000 + k) * 10**6} for k in (number, number + 1)
        ]
        batch = record_batch([answered(number + k, **snapshots[k]) for k in range(2)], Columns.of(features))
        file.write(batch)
    file.close()
    return file.path


def ids(log, **bounds):
    return log.table(["request_id"], **bounds).column(0).to_pylist()


@pytest.mark.usefixtures("written")
def test_answers_are_filtered_by_when_they_were_made(tmp_path):
    log = ServingLog.open(tmp_path)
    assert ids(log) == [f"r{k}" for k in range(6)]
    assert ids(log, since=START + timedelta(seconds=2), until=START + timedelta(seconds=5)) == ["r2", "r3", "r4"]
    assert ids(log, since=START + timedelta(seconds=9)) == []


def test_a_file_last_written_before_the_time_asked_for_is_not_read(tmp_path, written):
    written.write_bytes(written.read_bytes().replace(b"r1", b"xx"))
    assert ids(ServingLog.open(tmp_path), since=datetime.now(UTC) + timedelta(days=1)) == []


@pytest.mark.usefixtures("written")
def test_the_snapshots_it_refers_to_are_known(tmp_path):
    assert ServingLog.open(tmp_path).snapshots() == {"s0", "s1"}


@pytest.mark.parametrize("cut", [1, 9, 300, 3_000, 5_000])
def test_a_torn_tail_costs_the_batches_it_tore(tmp_path, written, cut):
    whole = written.read_bytes()
    written.write_bytes(whole[:-cut])
    log = ServingLog.open(tmp_path)
    (file,) = log.files
    answers = 2 * ((file.batches + 1) // 2)  # two a batch, and behind each batch its seal
    assert ids(log) == [f"r{k}" for k in range(6)][:answers]
    assert file.batches < 6 or cut <= 8
    assert log.torn == ((file,) if file.torn else ())


def test_every_cut_leaves_a_readable_file(tmp_path, written):
    whole = written.read_bytes()
    found = set()
    for end in range(0, len(whole) + 397, 397):
        written.write_bytes(whole[:end])
        found.add(len(ids(ServingLog.open(tmp_path))))
    assert found == {0, 2, 4, 6}


def test_an_open_file_is_not_torn(tmp_path, answered, features):
    file = LogFile(tmp_path, schema(features))
    assert ids(ServingLog.open(tmp_path)) == []
    file.write(record_batch([answered()], Columns.of(features)))
    log = ServingLog.open(tmp_path)
    assert (ids(log), log.torn) == (["r0"], ())
    file.close()


def test_a_log_that_is_not_there_says_who_writes_one(tmp_path):
    with pytest.raises(NotFoundError, match="searchrank serve"):
        ServingLog.open(tmp_path / "nowhere")


@pytest.mark.usefixtures("written")
def test_a_column_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match=r"request\.nothing: the serving log has no such column"):
        ServingLog.open(tmp_path).table(["request.nothing"])


def test_a_file_that_is_no_serving_log_is_refused(tmp_path):
    with pa.ipc.new_stream(tmp_path / "other.arrows", pa.schema([("a", pa.int64())])):
        pass
    with pytest.raises(DataError, match=r"other\.arrows is no serving log"):
        ServingLog.open(tmp_path)


def test_a_later_form_is_refused(tmp_path):
    later = pa.schema([("a", pa.int64())], {"searchrank.serving_log": "2"})
    with pa.ipc.new_stream(tmp_path / "later.arrows", later):
        pass
    with pytest.raises(DataError, match="is of form 2, this version reads up to 1"):
        ServingLog.open(tmp_path)


@pytest.mark.usefixtures("written")
def test_files_that_contradict_one_another_are_refused(tmp_path, answered):
    other = FeatureSet.parse("inputs: {user.age: {type: category}}\nfeatures: {age: user.age}")
    file = LogFile(tmp_path, schema(other))
    file.write(record_batch([answered(feature_set=other, context={})], Columns.of(other)))
    file.close()
    with pytest.raises(DataError, match="contradict one another"):
        ids(ServingLog.open(tmp_path))


@pytest.mark.parametrize("place", [0.3, 0.5, 0.7])
def test_damage_in_a_batch_is_an_error_or_a_torn_tail_and_not_silence(tmp_path, written, place):
    whole = bytearray(written.read_bytes())
    start = int(place * len(whole))
    whole[start : start + 700] = bytes(700)
    written.write_bytes(whole)
    log = ServingLog.open(tmp_path)
    assert [part.problem for part in log.checked() if part.problem]
    if log.torn:
        assert len(ids(log)) < 6
        return
    with suppress(DataError):  # unless a seal was hit, which readers of answers pass over
        assert len(ids(log)) == 6
