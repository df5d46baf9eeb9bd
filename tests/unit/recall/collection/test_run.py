from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recall import Candidates, Query, Recaller
from recall.collection.jsonl import Line
from recall.collection.run import Costs, retrieve_all, write_run
from searchrank.errors import ConfigError


class Fixed:
    waits = False

    def __init__(self, name: str, rows: list[int]) -> None:
        self.name = name
        self._rows = rows

    def retrieve(self, query: Query, limit: int) -> Candidates:
        rows = np.array(self._rows if query.text else [], np.int64)[:limit]
        return Candidates(rows, np.arange(len(rows), 0, -1, dtype=np.float32))


IDS = ["a", "b", "c", "d"]
QUERIES = [Line(1, "q1", "", "tea"), Line(2, "q2", "", "")]


@pytest.fixture
def recaller() -> Recaller:
    return Recaller([Fixed("one", [2, 0, 1]), Fixed("two", [2, 3])], {"one": 1, "two": 1})


def test_a_run_of_one_branch_has_its_scores(tmp_path: Path, recaller: Recaller):
    assert write_run(tmp_path / "run", QUERIES, (recaller.only(["one"]), IDS), 2) == 2
    assert (tmp_path / "run").read_text() == "q1 Q0 c 1 2.0 searchrank\nq1 Q0 a 2 1.0 searchrank\n"


def test_a_run_of_several_has_those_of_fusion(tmp_path: Path, recaller: Recaller):
    write_run(tmp_path / "run", QUERIES, (recaller, IDS), 100)
    rows = [line.split() for line in (tmp_path / "run").read_text().splitlines()]
    assert [row[2] for row in rows] == ["c", "a", "d", "b"]
    assert float(rows[0][4]) == 2 / 61
    assert [row[3] for row in rows] == ["1", "2", "3", "4"]


def test_a_run_that_fails_leaves_the_old_file(tmp_path: Path, recaller: Recaller):
    (tmp_path / "run").write_text("old")
    with pytest.raises(IndexError):
        write_run(tmp_path / "run", QUERIES, (recaller, ["a"]), 9)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("run", "old")]


def test_costs_say_what_a_branch_alone_has_found(recaller: Recaller):
    costs = Costs()
    for text in ("tea", ""):
        costs.add(retrieve_all(recaller, Query(text=text), 10))
    told = costs.figures()
    assert costs.queries == 2
    assert [(told[name]["returned"], told[name]["unique"]) for name in ("one", "two")] == [(3, 2), (2, 1)]
    assert told["one"]["ms"] > 0


def test_an_unknown_branch_is_refused_with_those_there_are(recaller: Recaller):
    with pytest.raises(ConfigError, match="no branch 'dense'; there is one, two"):
        recaller.only(["dense"])
