import shutil
from pathlib import Path

import pytest

from searchrank.serving_log import ServingLog, forget_answers, schema
from searchrank.serving_log.batch import record_batch
from searchrank.serving_log.file import LogFile
from searchrank.serving_log.schema import Columns

GOLDEN = Path(__file__).parents[2] / "golden" / "serving_log-1.arrows"
_END = 8  # bytes of the mark


@pytest.fixture
def written(tmp_path, answered, features):
    """A finished file of two batches of three answers."""
    file = LogFile(tmp_path, schema(features))
    for first in (0, 3):
        some = [answered(first + k, user_id=f"u{first + k}") for k in range(3)]
        file.write(record_batch(some, Columns.of(features)))
    file.close()
    return file.path


def told(folder):
    return [
        (part.problem, None if part.batch is None else part.batch.column("request_id").to_pylist())
        for part in ServingLog.open(folder).checked()
    ]


def test_what_was_written_is_as_its_seals_say(tmp_path, written):
    assert written.exists()
    assert told(tmp_path) == [("", ["r0", "r1", "r2"]), ("", ["r3", "r4", "r5"])]


def test_a_flipped_byte_is_found_unless_it_changes_nothing(tmp_path, written):
    whole, answers = written.read_bytes(), str(ServingLog.open(tmp_path).table().to_pylist())
    found_at = 0
    for place in range(0, len(whole) - _END, 499):
        damaged = bytearray(whole)
        damaged[place] ^= 0x10
        written.write_bytes(damaged)
        try:
            found = [problem for problem, _ in told(tmp_path) if problem]
        except Exception:  # noqa: BLE001 - the schema is damaged; whatever is raised is no silence
            found = ["refused"]
        found_at += bool(found)
        assert found or str(ServingLog.open(tmp_path).table().to_pylist()) == answers
    assert found_at > 0.8 * len(whole) / 499  # the last seal has none behind it


def test_the_batch_that_was_changed_is_named_and_the_others_are_not(tmp_path, written):
    whole = bytearray(written.read_bytes())
    place = bytes(whole).rindex(b"r4")  # short texts are stored as they are
    whole[place + 1 : place + 2] = b"9"
    written.write_bytes(whole)
    (first, _), (problem, requests) = told(tmp_path)
    assert first == ""
    assert "batch 2 is not as it was written" in problem
    assert written.name in problem
    assert requests == ["r3", "r9", "r5"]


def test_a_file_of_an_earlier_version_has_no_seals(tmp_path):
    shutil.copy(GOLDEN, tmp_path)
    parts = list(ServingLog.open(tmp_path).checked())
    assert [(part.problem, part.sealed) for part in parts] == [("", False), ("", False)]


def test_a_file_cut_short_is_torn_and_one_with_a_hole_is_damaged(tmp_path, written):
    whole = written.read_bytes()
    written.write_bytes(whole[:-200])
    assert not any(problem for problem, _ in told(tmp_path))
    written.write_bytes(whole[: len(whole) // 2] + whole[-_END:])
    assert "damaged" in told(tmp_path)[-1][0]


def test_answers_that_stay_when_a_person_is_forgotten_are_sealed_anew(tmp_path, written):
    assert forget_answers(tmp_path, "u4") == 1
    assert written.exists()
    assert told(tmp_path) == [("", ["r0", "r1", "r2"]), ("", ["r3", "r5"])]
