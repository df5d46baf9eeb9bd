"""Writing to a running service: both workers, one log, deaths, a full disk, and the command line."""

import asyncio
import json
import os
import resource
import signal
import time

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from loop_kill import Service, run
from typer.testing import CliRunner

from predictor import AsyncClient, Client, DeleteItem, Interaction, PutItem, Query, Reaction
from predictor.server import SERVICES
from predictor.testing import make_shop
from searchrank.cli import app
from searchrank.errors import ConflictError, DataError, NotFoundError, RequestError, UnavailableError
from searchrank.events import EventLog

pytestmark = [pytest.mark.integration, pytest.mark.slow]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return make_shop(tmp_path_factory.mktemp("shop")).root


@pytest.fixture(scope="module")
def service(home):
    running = Service(home)
    yield running
    running.end()


def rows(home, *columns) -> list[dict]:
    return EventLog.open(home / "events").table(columns=["event_id", *columns]).to_pylist()


def clicks(*ids: str) -> list[Interaction]:
    return [Interaction("click", user_id="u1", item_id="i3", event_id=event_id) for event_id in ids]


async def test_what_both_workers_get_is_in_the_log_once_in_the_order_of_each_call(service, home):
    before = len(rows(home))
    async with AsyncClient(service.targets[0]) as one, AsyncClient(service.targets[1]) as two:
        calls = [
            client.ingest(clicks(*(f"{name}.{call}.{k}" for k in range(7))))
            for call in range(30)
            for name, client in (("one", one), ("two", two), ("one", two))
        ]
        told = await asyncio.gather(*calls)
    assert (sum(t.accepted for t in told), sum(t.duplicates for t in told)) == (420, 210)
    ids = [row["event_id"] for row in rows(home)][before:]
    assert len(ids) == len(set(ids)) == 420
    for call in range(30):
        places = [ids.index(f"two.{call}.{k}") for k in range(7)]
        assert places == sorted(places)
        assert before + places[-1] < told[3 * call + 1].offset


def test_changes_and_feedback_are_rows_of_the_log(service, home):
    with Client(service.targets) as client:
        first = client.ingest([PutItem("i3", {"item.price": 9.5, "item.title": "new tea"}), DeleteItem("i4")])
        reactions = [Reaction("i3", position=0), Reaction("i3", "order", value=9.5)]
        second = client.feedback("r7", reactions, Query(surface="shop", user_id="u1"))
    names = ("kind", "item_id", "item.price", "request_id", "user_id", "surface", "value")
    table = EventLog.open(home / "events").table(first.offset - 2, names).to_pylist()
    assert second.offset == first.offset + 2
    assert [[row[name] for name in names] for row in table] == [
        ["put_item", "i3", 9.5, None, None, None, None],
        ["delete_item", "i4", None, None, None, None, None],
        ["click", "i3", None, "r7", "u1", "shop", None],
        ["order", "i3", None, "r7", "u1", "shop", 9.5],
    ]


def test_a_wrong_change_is_refused_by_its_field_and_nothing_of_the_call_is_written(service, home):
    before = len(rows(home))
    with Client(service.targets) as client:
        with pytest.raises(RequestError, match="is not a declared input") as refused:
            client.ingest([*clicks("fine"), PutItem("a", {"item.prize": 1.0})])
        assert refused.value.field == 'changes[1].put_item.columns["item.prize"]'
        with pytest.raises(RequestError, match="at most 10,000"):
            client.ingest([DeleteItem("a")] * 10_001)
        assert client.ingest([DeleteItem("a") for _ in range(10_000)], timeout=30.0).accepted == 10_000
    assert len(rows(home)) == before + 10_000


def test_an_input_that_only_the_feature_file_declares_can_be_written(service, home):
    features = home / "features.yaml"
    text = features.read_text(encoding="utf-8")
    with Client(service.targets) as client:
        features.write_text(text.replace("  item.title", "  item.colour: {type: category}\n  item.title"))
        client.ingest([PutItem("i5", {"item.colour": "green"}, event_id="coloured")])
        features.write_text("not: [a feature file")
        client.ingest([PutItem("i5", {"item.price": 1.0})])
        features.write_text(text, encoding="utf-8")
    assert {"event_id": "coloured", "item.colour": "green"} in rows(home, "item.colour")


def test_a_batch_program_is_told_that_the_service_is_writing(service, home):
    journal = next(pid for pid, name in service.children().items() if name == "journal")
    words = f"process {journal}; the service is writing; send them through `searchrank ingest`"
    with pytest.raises(ConflictError, match=words):
        EventLog.open(home / "events", writable=True)


async def test_health_speaks_for_the_service_that_writes(service):
    async with grpc.aio.insecure_channel(service.targets[0]) as channel:
        answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=SERVICES[1]))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_a_full_disk_is_unavailable_and_the_same_call_goes_through_when_there_is_room(service, home):
    journal = next(pid for pid, name in service.children().items() if name == "journal")
    free = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    many = [clicks(*(f"full.{call}.{k}" for k in range(50))) for call in range(3)]
    with Client(service.targets) as client:
        resource.prlimit(journal, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
        for call in many:
            with pytest.raises(UnavailableError, match=r"cannot be written.*send the same call again"):
                client.ingest(call, timeout=0.3)
        resource.prlimit(journal, resource.RLIMIT_FSIZE, free)
        assert [client.ingest(call).accepted for call in many] == [50] * 3
    ids = [row["event_id"] for row in rows(home) if row["event_id"].startswith("full.")]
    assert len(ids) == len(set(ids)) == 150


def test_a_stuck_journal_is_unavailable_in_time_and_what_was_sent_is_written_once(service, home):
    journal = next(pid for pid, name in service.children().items() if name == "journal")
    os.kill(journal, signal.SIGSTOP)
    with Client(service.targets) as client:
        began = time.monotonic()
        with pytest.raises(UnavailableError):
            client.ingest(clicks("stuck"), timeout=1.0)
        assert time.monotonic() - began < 5
        os.kill(journal, signal.SIGCONT)
        done = client.ingest(clicks("stuck"))
    assert done.accepted + done.duplicates == 1
    assert [row["event_id"] for row in rows(home)].count("stuck") == 1


def test_the_command_line_writes_a_file_and_names_the_wrong_line(service, home, tmp_path):
    file = tmp_path / "changes.jsonl"
    lines = [
        {"event_id": "line1", "kind": "put_item", "item_id": "i6", "item.price": 2.5, "item.title": "tea"},
        {"event_id": "line2", "kind": "click", "user_id": "u1", "item_id": "i6", "event_time": "2026-05-01T12:00:00Z"},
        {"event_id": "line3", "kind": "click", "user_id": "u1", "item_id": 7},
    ]
    file.write_text("".join(json.dumps(line) + "\n\n" for line in lines[:2]))
    options = ["--home", str(home), *(word for target in service.targets for word in ("--target", target)), "--json"]

    def told(*words: str) -> dict:
        done = CliRunner().invoke(app, [*words, *options], input=file.read_bytes(), catch_exceptions=False)
        return json.loads(done.stdout.splitlines()[-1])

    first = told("ingest", str(file), "--batch", "1")
    assert (first["accepted"], first["duplicates"]) == (2, 0)
    assert told("ingest", "-") == {"offset": first["offset"], "accepted": 0, "duplicates": 2}
    file.write_text(file.read_text() + "nonsense\n")
    with pytest.raises(DataError, match="line 5: this is not JSON"):
        told("ingest", str(file))
    file.write_text(json.dumps(lines[2]))
    with pytest.raises(RequestError, match=r"changes\[0\]"):
        told("ingest", str(file))
    file.write_text("\n")
    with pytest.raises(DataError, match="there are no changes in it"):
        told("ingest", str(file))
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match="is not UTF-8"):
        told("ingest", str(file))
    file.unlink()
    with pytest.raises(NotFoundError, match="there is no file"):
        CliRunner().invoke(app, ["ingest", str(file), *options], catch_exceptions=False)
    assert [row["event_id"] for row in rows(home)].count("line2") == 1


def test_the_command_line_tells_one_click(service, home):
    words = ["feedback", "--request-id", "r9", "--item", "i6", "--kind", "like", "--position", "2", "--event-id", "f1"]
    words += [word for target in service.targets for word in ("--target", target)]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert "written: 1, there already: 0" in done.stdout
    written = next(row for row in rows(home, "kind", "request_id", "position") if row["event_id"] == "f1")
    assert written == {"event_id": "f1", "kind": "like", "request_id": "r9", "position": 2}


def test_deaths_at_random_lose_nothing_that_was_acknowledged_and_count_nothing_twice(tmp_path):
    figures = run(make_shop(tmp_path).root, 4.0, callers=4, pause=0.3)
    assert figures.kills["journal"] + figures.kills["worker"] >= 1
    assert figures.acknowledged_events > 100
    assert (figures.lost_events, figures.duplicate_events) == (0, 0)
    assert (figures.wrong_offsets, figures.disordered_calls, figures.miscounted) == (0, 0, 0)
