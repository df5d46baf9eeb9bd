"""What a line of the log holds, and that bad times do not fill the disk."""

import json
import logging
import sys

import pytest

from predictor.call import Call
from predictor.log_lines import BURST, JsonLines, RequestLog, set_up_log
from searchrank.errors import ConfigError
from searchrank.v1 import ranking_pb2


@pytest.fixture
def degraded():
    coverage = ranking_pb2.Coverage()
    coverage.degradations.add(stage="recall", subject="lexical", reason="too late")
    coverage.stages.add(stage="recall", elapsed_us=900)
    return coverage


def lines(caplog):
    return [json.loads(JsonLines().format(record)) for record in caplog.records]


def test_a_degraded_answer_is_a_line_with_its_request_and_what_was_left_out(caplog, degraded):
    RequestLog().note(Call("Search", "shop", "m@3", "r-1"), degraded, 0.002)
    (line,) = lines(caplog)
    assert (line["event"], line["request_id"], line["surface"], line["rpc"]) == ("degraded", "r-1", "shop", "Search")
    assert line["release"] == "m@3"
    assert line["left_out"] == ["recall lexical: too late"]
    assert line["stages_us"] == {"recall": 900}
    assert "request 'r-1'" in line["message"]


def test_an_answer_is_a_line_only_if_it_is_slow_or_degraded(caplog):
    log = RequestLog(slow_seconds=0.5)
    log.note(Call("Rank", "shop", "m@3", "quick"), ranking_pb2.Coverage(), 0.4)
    log.note(Call("Rank", "shop", "m@3", "slow"), ranking_pb2.Coverage(), 0.6)
    assert [(line["event"], line["request_id"]) for line in lines(caplog)] == [("slow", "slow")]


def test_many_bad_answers_are_some_lines_and_a_count(caplog, degraded):
    log = RequestLog()
    for number in range(1_000):
        log.note(Call("Rank", "shop", "m@3", str(number)), degraded, 0.001)
    assert BURST <= len(caplog.records) < 2 * BURST


def test_an_exception_is_in_its_line():
    try:
        int("no number")
    except ValueError:
        record = logging.LogRecord("a", logging.ERROR, "", 1, "it %s", ("failed",), sys.exc_info())
    line = json.loads(JsonLines().format(record))
    assert line["message"] == "it failed"
    assert "ValueError: invalid literal" in line["exception"]


def test_another_form_is_refused():
    with pytest.raises(ConfigError, match="choose text or json"):
        set_up_log("xml")
