"""What every recall branch owes its caller; a branch's test subclasses this and gives ``branch`` and ``query``."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from recall import Branch, Candidates, Query


class RecallBranchContract:
    """Run over every implementation of ``recall.Branch``.

    A subclass defines two fixtures: ``branch``, over a catalogue of at least 20 items, and ``query``, which makes it
    find at least 5 of them.
    """

    LIMITS = (1, 2, 3, 5, 1_000, 10**9)

    @pytest.fixture
    def everything(self, branch: Branch, query: Query) -> Candidates:
        found = branch.retrieve(query, 10_000)
        assert len(found) >= 5, "the contract needs a query that finds something"
        return found

    def test_it_has_a_name(self, branch: Branch):
        assert branch.name.isidentifier()

    def test_the_arrays_have_the_declared_types(self, everything: Candidates):
        assert everything.rows.dtype == np.int64
        assert everything.scores.dtype == np.float32
        assert everything.rows.shape == everything.scores.shape == (len(everything),)
        assert np.isfinite(everything.scores).all()

    @pytest.mark.parametrize("limit", LIMITS)
    def test_rows_are_unique_and_at_most_the_limit(self, branch: Branch, query: Query, limit: int):
        rows = branch.retrieve(query, limit).rows
        assert len(rows) == len(set(rows.tolist())) <= limit

    @pytest.mark.parametrize("limit", LIMITS)
    def test_a_limit_cuts_the_whole_list(self, branch: Branch, query: Query, limit: int, everything: Candidates):
        cut = branch.retrieve(query, limit)
        assert cut.rows.tolist() == everything.rows[:limit].tolist()
        assert cut.scores.tolist() == everything.scores[:limit].tolist()

    def test_the_best_score_comes_first_and_equal_ones_go_by_row(self, everything: Candidates):
        pairs = list(zip(-everything.scores, everything.rows, strict=True))
        assert pairs == sorted(pairs)

    @pytest.mark.parametrize("limit", LIMITS)
    def test_excluded_rows_are_replaced_by_the_next_best(
        self, branch: Branch, query: Query, limit: int, everything: Candidates
    ):
        excluded = everything.rows[[0, 2, 3]]
        rest = branch.retrieve(replace(query, exclude=excluded[::-1].copy()), limit)
        assert rest.rows.tolist() == [r for r in everything.rows if r not in excluded][:limit]

    def test_excluding_unknown_rows_changes_nothing(self, branch: Branch, query: Query, everything: Candidates):
        odd = branch.retrieve(replace(query, exclude=np.array([-1, 10**12])), 10_000)
        assert odd.rows.tolist() == everything.rows.tolist()

    def test_excluding_everything_leaves_nothing(self, branch: Branch, query: Query, everything: Candidates):
        assert len(branch.retrieve(replace(query, exclude=everything.rows), 10)) == 0

    @pytest.mark.parametrize("limit", LIMITS)
    def test_only_allowed_rows_are_found(self, branch: Branch, query: Query, limit: int, everything: Candidates):
        allowed = np.zeros(everything.rows.max() + 1, np.bool_)
        allowed[everything.rows[1::2]] = True
        found = branch.retrieve(replace(query, allowed=allowed, exclude=everything.rows[3:4]), limit)
        assert found.rows.tolist() == np.delete(everything.rows[1::2], 1).tolist()[:limit]

    def test_any_filter_gives_what_a_scan_of_the_whole_list_gives(
        self, branch: Branch, query: Query, everything: Candidates
    ):
        generator = np.random.default_rng(3)
        size = max(int(everything.rows.max()) + 1, getattr(branch, "size", 0))
        for _ in range(25):
            allowed = generator.random(size) < generator.choice([0.0, 0.05, 0.4, 0.9, 1.0])
            excluded = generator.choice(everything.rows, generator.integers(0, 5))
            limit = int(generator.integers(1, 30))
            found = branch.retrieve(replace(query, allowed=allowed, exclude=excluded), limit)
            kept = np.flatnonzero(allowed[everything.rows] & ~np.isin(everything.rows, excluded))[:limit]
            assert found.rows.tolist() == everything.rows[kept].tolist()
            assert found.scores.tolist() == everything.scores[kept].tolist()

    def test_an_empty_query_is_answered_without_an_error(self, branch: Branch):
        found = branch.retrieve(Query(), 5)
        assert len(found) <= 5

    def test_asking_twice_gives_the_same_bits(self, branch: Branch, query: Query, everything: Candidates):
        again = branch.retrieve(query, 10_000)
        assert again.rows.tobytes() == everything.rows.tobytes()
        assert again.scores.tobytes() == everything.scores.tobytes()
