"""A writer that is killed loses nothing it acknowledged, and the next one counts nothing twice."""

import signal
import subprocess
import sys

import pytest

from searchrank.events import EventLog
from searchrank.events.segment import segment_paths

pytestmark = pytest.mark.integration

WRITER = """
import datetime as dt, pathlib, sys
import pyarrow as pa
from searchrank.events import EventLog, compaction, writer
writer.SEGMENT_BATCHES, compaction.MERGE_ROWS = 8, (32, 128)
time = pa.array([dt.datetime(2025, 3, 3, tzinfo=dt.UTC)], pa.timestamp("us", "UTC"))
with EventLog.open(pathlib.Path(sys.argv[1]), writable=True) as log:
    for number in range(int(sys.argv[2]), 1_000_000):
        log.append(pa.table({"event_id": [f"event-{number}"], "kind": ["click"], "event_time": time}))
        print(number, flush=True)
"""


def test_a_writer_killed_again_and_again_loses_and_doubles_nothing(tmp_path):
    acknowledged = -1
    for kill_after in (40, 173, 311):
        again = max(acknowledged - 5, 0)  # the last ones are sent once more: they must count once
        command = [sys.executable, "-c", WRITER, str(tmp_path), str(again)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            for _ in range(kill_after):
                acknowledged = int(process.stdout.readline())
            process.send_signal(signal.SIGKILL)
            for line in process.stdout:
                acknowledged = int(line) if line.endswith("\n") else acknowledged
    for mode in ("before", "after"):
        log = EventLog.open(tmp_path)
        found = log.table(columns=["event_id"]).column(0).to_pylist()
        assert found[: acknowledged + 1] == [f"event-{number}" for number in range(acknowledged + 1)], mode
        assert len(found) in {acknowledged + 1, acknowledged + 2}  # one may be on disk and not acknowledged
        arrivals = log.table(columns=["arrival_time"]).column(0).to_pylist()
        assert arrivals == sorted(set(arrivals))
        EventLog.open(tmp_path, writable=True).close()
    assert len(segment_paths(tmp_path)) < acknowledged / 8
    assert not list(tmp_path.glob("*.draft"))
