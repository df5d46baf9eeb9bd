from __future__ import annotations

import logging
import time
from pathlib import Path

import numpy as np
import pytest

from recall import FusionConfig, Query, RecallConfig, Recaller
from recall.testing import FailingBranch, FixedBranch
from searchrank.errors import NotFoundError, UnavailableError

GOOD = FixedBranch("good", [4, 2])
FINE = FixedBranch("fine", [9, 4, 2, 1])
BAD = FailingBranch("bad", UnavailableError("the index went away"))
QUOTAS = {"good": 10, "fine": 3, "bad": 10}


def test_all_branches_are_fused():
    found = Recaller([GOOD, FINE], QUOTAS).retrieve(Query(), 10)
    assert found.recalled.rows.tolist() == [4, 2, 9]
    assert found.recalled.branches == ("good", "fine")
    assert [(part.name, part.found, part.problem) for part in found.coverage] == [("good", 2, ""), ("fine", 3, "")]
    assert found.dropped == ()


def test_a_branch_is_asked_for_its_quota_whatever_the_limit():
    found = Recaller([FINE], QUOTAS).retrieve(Query(), 1)
    assert found.coverage[0].found == 3
    assert len(found.recalled) == 1


def test_a_failed_branch_is_named_and_the_others_go_on(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.ERROR):
        found = Recaller([BAD, GOOD], QUOTAS).retrieve(Query(), 10)
    assert found.recalled.rows.tolist() == [4, 2]
    assert found.dropped == ("bad",)
    assert found.coverage[0].problem == "UnavailableError: the index went away"
    assert found.recalled.branches == ("bad", "good")
    assert found.recalled.ranks[0].tolist() == [0, 0]
    assert "bad" in caplog.text


def test_when_every_branch_fails_nothing_is_found(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.CRITICAL):
        found = Recaller([BAD], QUOTAS).retrieve(Query(), 10)
    assert len(found.recalled) == 0
    assert found.dropped == ("bad",)


def test_after_the_deadline_no_branch_is_asked():
    found = Recaller([GOOD, FINE], QUOTAS).retrieve(Query(), 10, deadline=time.monotonic())
    assert len(found.recalled) == 0
    assert found.dropped == ("good", "fine")
    assert all("no time" in part.problem for part in found.coverage)


def test_excluded_rows_are_in_no_list():
    found = Recaller([GOOD, FINE], QUOTAS).retrieve(Query(exclude=np.array([4])), 10)
    assert sorted(found.recalled.rows.tolist()) == [1, 2, 9]


def test_a_surface_without_branches_finds_nothing(tmp_path: Path):
    found = Recaller.open(tmp_path, RecallConfig()).retrieve(Query(text="pot"), 10)
    assert len(found.recalled) == len(found.coverage) == 0


def test_an_index_that_was_not_built_is_named(tmp_path: Path):
    with pytest.raises(NotFoundError, match=r"popular.*searchrank index"):
        Recaller.open(tmp_path, RecallConfig.parse({"popular": {}}))


def test_fusion_uses_the_configured_offset_in_every_copy():
    recaller = Recaller([GOOD, FINE], QUOTAS, FusionConfig(k=4.0))
    for same in (recaller, recaller.apart(), recaller.widened(2), recaller.only(["good", "fine"])):
        assert same.retrieve(Query(), 1).recalled.fused.tolist() == [1 / 5 + 1 / 6]
