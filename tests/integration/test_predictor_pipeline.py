"""The request path over a real workspace, without a network: what is asked and what is answered."""

import math
import os
import time
from dataclasses import replace

import numpy as np
import pytest

from predictor import pipeline
from predictor.answers import Explanation, Ranking, SearchResult
from predictor.block import UNUSED_SECONDS
from predictor.query import Query, explain_request, rank_request, search_request
from predictor.serving import Serving
from predictor.testing import ITEMS, PROJECT, WEIGHTS, make_shop, make_snapshot, promote, release
from recall import Recaller
from recall.testing import FailingBranch, FixedBranch
from searchrank.errors import ConfigError, NotFoundError, ReleaseRefusedError, RequestError, UnavailableError
from searchrank.workspace import Workspace

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def serving(tmp_path_factory):
    serving = Serving(make_shop(tmp_path_factory.mktemp("shop")))
    serving.load()
    yield serving
    serving.close()


async def rank(surface, query, ids, sent=None, remaining=None) -> Ranking:
    return Ranking.of(await pipeline.rank(surface, rank_request(query, ids, sent or {}), remaining))


async def search(surface, query, remaining=None) -> SearchResult:
    return SearchResult.of(await pipeline.search(surface, search_request(query), remaining))


ASKED = Query(surface="shop", user_id="u1")


async def test_scores_are_the_model_of_what_is_known(serving):
    surface = serving.surface("shop")
    sent = {"candidate.eta_min": [4.0, None, 2.0]}
    answer = await rank(surface, ASKED, ["i3", "i2", "nowhere"], sent)
    price, clicks, eta, age_price, _ = WEIGHTS
    expected = {
        "i3": price * 3 + eta * 4 + age_price * 20 * 3,
        "i2": price * 2 + clicks * 2 + age_price * 20 * 2,
        "nowhere": eta * 2,
    }
    assert answer.ids == ["nowhere", "i2", "i3"]
    assert answer.order.tolist() == [2, 1, 0]
    assert answer.unknown.tolist() == [2]
    np.testing.assert_allclose(answer.scores, [expected[item] for item in answer.ids], rtol=1e-6)
    assert (answer.release.name, answer.snapshot_id) == ("taste", "first")
    assert list(answer.coverage.stages) == ["admit", "know", "hydrate", "features", "score", "answer"]
    assert not answer.coverage.degradations


async def test_an_unknown_user_has_missing_values_and_an_answer(serving):
    answer = await rank(serving.surface("shop"), replace(ASKED, user_id="stranger"), ["i3"])
    assert answer.scores.tolist() == [WEIGHTS[0] * 3]


async def test_sent_context_takes_precedence_over_the_profile(serving):
    answer = await rank(serving.surface("shop"), replace(ASKED, context={"user.age": 100.0}), ["i3"])
    np.testing.assert_allclose(answer.scores, [WEIGHTS[0] * 3 + WEIGHTS[3] * 300], rtol=1e-6)


async def test_no_candidates_get_an_empty_answer(serving):
    answer = await rank(serving.surface("shop"), ASKED, [])
    assert (answer.ids, answer.scores.tolist()) == ([], [])
    assert answer.release.name == "taste"


async def test_repeated_candidates_get_the_same_score_and_keep_their_order(serving):
    answer = await rank(serving.surface("shop"), ASKED, ["i5", "i1", "i5"])
    assert answer.ids == ["i1", "i5", "i5"]
    assert answer.order.tolist() == [1, 0, 2]
    assert answer.scores[1] == answer.scores[2]


async def test_integer_ids_come_back_as_integers(serving):
    answer = await rank(serving.surface("shop"), ASKED, [7, 9])
    assert answer.ids == [7, 9]
    assert answer.unknown.tolist() == [0, 1]


async def test_a_limit_cuts_the_tail(serving):
    whole = await rank(serving.surface("shop"), ASKED, ["i3", "i1", "i2"])
    cut = await rank(serving.surface("shop"), replace(ASKED, limit=2), ["i3", "i1", "i2"])
    assert cut.ids == whole.ids[:2]


async def test_the_candidate_limit_of_the_surface_is_named(serving):
    with pytest.raises(RequestError, match="100,000 ids, at most 10,000"):
        await rank(serving.surface("shop"), ASKED, [str(k) for k in range(100_000)])


async def test_many_candidates_score_alike_on_the_thread_and_on_the_loop(serving):
    surface = serving.surface("shop")
    ids = [f"i{k % (ITEMS + 3)}" for k in range(5_000)]
    short = await rank(replace(surface, seconds_per_row=0.0), ASKED, ids)
    long = await rank(replace(surface, seconds_per_row=1.0), ASKED, ids)
    assert short.ids == long.ids
    assert short.scores.tobytes() == long.scores.tobytes()


async def test_without_time_candidates_keep_their_order_and_coverage_says_so(serving):
    answer = await rank(serving.surface("shop"), ASKED, ["i3", "i1"], remaining=0.001)
    assert answer.ids == ["i3", "i1"]
    assert np.isnan(answer.scores).all()
    assert ("score", "candidates", "deadline: 2 of 2 were not scored") in answer.coverage.degradations


async def test_search_finds_by_words_history_and_popularity(serving):
    answer = await search(serving.surface("shop"), replace(ASKED, text="coffee"))
    assert len(answer.ids) == 10
    assert answer.scores.tolist() == sorted(answer.scores.tolist(), reverse=True)
    found = dict(zip(answer.ids, answer.found_by, strict=True))
    assert {f.branch for f in found["i1"]} == {"lexical", "item_to_item", "popular"}
    assert [f.branch for f in found["i7"]] == ["lexical"]
    assert {f.branch for f in found["i2"]} == {"item_to_item", "popular"}
    assert answer.candidates >= len(answer.ids)


async def test_search_without_query_or_user_falls_back_to_popularity(serving):
    answer = await search(serving.surface("shop"), Query(surface="shop"))
    assert {f.branch for found in answer.found_by for f in found} == {"popular"}
    assert set(answer.ids) == {"i1", "i2", "i5"}


async def test_what_a_surface_excludes_is_not_found(tmp_path):
    project = PROJECT.replace("    limit: 10\n", "    limit: 10\n    exclude: user.recent_items\n")
    serving = Serving(make_shop(tmp_path, project=project))
    serving.load()
    try:
        result = await search(serving.surface("shop"), replace(ASKED, text="tea", limit=100))
        assert result.ids
        assert not set(result.ids) & {"i1", "i2"}
    finally:
        serving.close()


def test_a_surface_that_excludes_no_list_of_the_request_is_refused(tmp_path):
    for name in ("user.age", "item.title", "user.owned"):
        project = PROJECT.replace("    limit: 10\n", f"    limit: 10\n    exclude: {name}\n")
        with pytest.raises(ConfigError, match=r"surfaces\.shop\.exclude"):
            Serving(make_shop(tmp_path / name, project=project)).load()


async def test_a_failed_branch_is_named_in_the_answer(serving):
    branches = [FixedBranch("fixed", [3, 1]), FailingBranch("broken", OSError("the disk is gone"))]
    surface = replace(serving.surface("shop"), recaller=Recaller(branches, {"fixed": 5, "broken": 5}))
    answer = await search(surface, ASKED)
    assert set(answer.ids) == {"i1", "i3"}
    assert answer.coverage.degradations == (("recall", "broken", "OSError: the disk is gone"),)
    fixed, broken = answer.coverage.branches
    assert (fixed.branch, fixed.outcome, fixed.returned, fixed.unique, fixed.reason) == ("fixed", "answered", 2, 2, "")
    assert (broken.branch, broken.outcome, broken.returned) == ("broken", "failed", 0)
    assert broken.reason == "OSError: the disk is gone"


async def test_coverage_says_what_each_branch_gave_and_gave_alone(serving):
    branches = [FixedBranch("one", [3, 1, 2]), FixedBranch("other", [2, 7])]
    surface = replace(serving.surface("shop"), recaller=Recaller(branches, {"one": 5, "other": 5}))
    answer = await search(surface, replace(ASKED, limit=1))
    assert [(b.branch, b.returned, b.unique) for b in answer.coverage.branches] == [("one", 3, 2), ("other", 2, 1)]
    assert sum(b.elapsed_us for b in answer.coverage.branches) <= answer.coverage.stages["recall"]
    assert not (await rank(surface, ASKED, ["i3"])).coverage.branches


async def test_branches_that_no_time_is_left_for_are_named(serving):
    answer = await search(serving.surface("shop"), ASKED, remaining=0.001)
    left_out = {(stage, subject) for stage, subject, _ in answer.coverage.degradations}
    assert ("recall", "lexical") in left_out


async def test_a_search_asking_for_too_much_is_refused(serving):
    with pytest.raises(RequestError, match="limit: 1,001, at most 1,000"):
        await search(serving.surface("shop"), replace(ASKED, limit=1_001))


async def test_a_chinese_query_is_answered(serving):
    answer = await search(serving.surface("shop"), replace(ASKED, text="火锅店"))
    assert answer.ids


async def test_explain_gives_what_was_read_and_what_it_adds(serving):
    surface = serving.surface("shop")
    wire = await pipeline.explain(surface, explain_request(replace(ASKED, text="coffee"), ["i3", "nowhere"], {}), None)
    told = Explanation.of(wire)
    ranked = await rank(surface, ASKED, ["i3"])
    assert told.scores[0] == ranked.scores[0]
    np.testing.assert_allclose(told.base_score + told.contributions.sum(axis=1), told.scores, rtol=1e-9)
    assert told.features[0, told.columns.index("price")] == 3.0
    assert math.isnan(told.features[1, told.columns.index("price")])
    assert told.unknown.tolist() == [1]
    assert told.found_by[0][0].branch == "lexical"
    assert told.found_by[1] == ()


async def test_more_than_twenty_items_are_not_explained(serving):
    with pytest.raises(RequestError, match="ids: 21 ids, at most 20"):
        await pipeline.explain(serving.surface("shop"), explain_request(ASKED, ["i1"] * 21, {}), None)


def test_an_unknown_surface_is_named_with_those_there_are(serving):
    with pytest.raises(RequestError, match="surface: there is no surface 'plaza'; this project has: shop"):
        serving.surface("plaza")


def test_an_empty_surface_means_the_only_one(serving):
    assert serving.surface("") is serving.surface("shop")


def test_a_folder_without_a_project_is_refused(tmp_path):
    with pytest.raises(NotFoundError, match="no project"):
        Serving(Workspace(tmp_path)).load()


def test_a_missing_catalogue_is_refused(tmp_path):
    workspace = make_shop(tmp_path)
    (workspace.snapshots / "CURRENT").unlink()
    with pytest.raises(NotFoundError, match="no live snapshot"):
        Serving(workspace).load()


def test_a_model_that_was_never_promoted_is_said_to_be_missing(tmp_path):
    workspace = make_shop(tmp_path)
    workspace.ledger.unlink()
    with pytest.raises(NotFoundError, match="no release of model 'taste' is live"):
        Serving(workspace).load()


async def test_a_surface_that_cannot_be_served_does_not_stop_the_others(tmp_path):
    extra = "surfaces:\n  plaza: {model: other}\n"
    project = PROJECT.replace("surfaces:\n", extra).replace("models:\n", "models:\n  other: {inputs: [price]}\n")
    serving = Serving(make_shop(tmp_path, project=project))
    assert set(serving.load().refused) == {"plaza"}
    with pytest.raises(UnavailableError, match="'plaza' is not served yet: no release of model 'other'"):
        serving.surface("plaza")
    assert (await rank(serving.surface("shop"), ASKED, ["i1"])).ids == ["i1"]
    serving.close()


def test_a_surface_without_recall_ranks_but_does_not_search(tmp_path):
    workspace = make_shop(tmp_path)
    workspace.project.write_text("surfaces:\n  shop: {model: taste}\nmodels:\n  taste: {inputs: [price]}\n")
    serving = Serving(workspace)
    serving.load()
    assert serving.surface("shop").recaller.branches == ()
    serving.close()


async def test_a_new_release_is_taken_and_requests_under_way_keep_the_old_one(tmp_path):
    serving = Serving(make_shop(tmp_path))
    serving.load()
    before = serving.surface("shop")
    promote(serving.workspace, release(serving.workspace, (1.0, 0.0, 0.0, 0.0, 0.0)))
    assert serving.load().taken == ("shop",)
    assert (await rank(serving.surface("shop"), ASKED, ["i1", "i2"])).ids == ["i2", "i1"]
    assert (await rank(before, ASKED, ["i1", "i2"])).ids == ["i1", "i2"]
    assert serving.load().taken == ()
    serving.close()


async def test_a_corrupt_release_is_refused_while_the_old_one_serves_on(tmp_path):
    serving = Serving(make_shop(tmp_path))
    serving.load()
    before = serving.surface("shop")
    bad = release(serving.workspace, (1.0, 0.0, 0.0, 0.0, 0.0))
    promote(serving.workspace, bad)
    (bad / "model.txt").chmod(0o644)
    (bad / "model.txt").write_text((bad / "model.txt").read_text().replace("1.0", "9.0", 1))
    loaded = serving.load()
    assert isinstance(loaded.refused["shop"], ReleaseRefusedError)
    assert loaded.taken == ()
    assert serving.surface("shop") is before
    restarted = Serving(serving.workspace)
    restarted.load()
    assert restarted.surface("shop").release.digest == before.release.digest
    restarted.close()
    serving.close()


async def test_a_broken_project_file_changes_nothing(tmp_path):
    serving = Serving(make_shop(tmp_path))
    serving.load()
    serving.workspace.project.write_text("surfaces: [")
    with pytest.raises(ConfigError, match=r"project\.yaml"):
        serving.load()
    assert (await rank(serving.surface("shop"), ASKED, ["i1"])).ids == ["i1"]
    serving.close()


async def test_a_new_snapshot_is_taken(tmp_path):
    serving = Serving(make_shop(tmp_path))
    serving.load()
    make_snapshot(serving.workspace, "second")
    assert serving.load().taken == ("shop",)
    assert (await rank(serving.surface("shop"), ASKED, ["i1"])).snapshot_id == "second"
    serving.close()


def test_the_item_block_is_built_once_and_rebuilt_when_torn(tmp_path):
    workspace = make_shop(tmp_path)
    Serving(workspace).load()
    files = sorted((workspace.snapshots / "first" / "derived").glob("*.*"), key=lambda file: file.suffix)
    assert [file.suffix for file in files] == [".block", ".items"]
    first = [file.stat().st_ino for file in files]
    Serving(workspace).load()
    assert [file.stat().st_ino for file in files] == first
    for file in files:
        content = file.read_bytes()
        file.write_bytes(content[:-8])
        Serving(workspace).load()
        assert file.read_bytes() == content


def test_item_blocks_that_nobody_opened_for_a_day_go_when_another_is_built(tmp_path):
    workspace = make_shop(tmp_path)
    derived = workspace.snapshots / "first" / "derived"
    derived.mkdir()
    old, recent = derived / "0123.block", derived / "4567-89ab.items"
    for path, age in ((old, 2 * UNUSED_SECONDS), (recent, UNUSED_SECONDS / 2)):
        path.write_bytes(b"records")
        os.utime(path, (time.time() - age,) * 2)
    Serving(workspace).load()
    assert not old.exists()
    assert len(list(derived.glob("*.*"))) == 3
    for path in derived.glob("*.*"):
        os.utime(path, (0, 0))
    serving = Serving(workspace)
    serving.load()  # opens the two that are there
    assert [path.stat().st_mtime > 0 for path in sorted(derived.glob("*.*")) if path != recent] == [True, True]
    serving.close()
