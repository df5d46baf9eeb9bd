from pathlib import Path

import uvloop
from branches import BRANCHES, configured, measure
from branches_city import make_city

from predictor.serving import Serving
from recall import RecallConfig


def test_the_sections_of_the_table_are_ones_that_a_project_may_have():
    assert set(configured()) == set(RecallConfig.parse(configured()).branches)
    assert set(configured()) <= set(BRANCHES)


def test_a_hanging_branch_is_named_in_time_and_all_figures_are_told(tmp_path: Path):
    serving = Serving(make_city(tmp_path, 150, configured()))
    serving.load()
    figures = uvloop.run(measure(serving.surface("places"), 5, 1))
    serving.close()
    assert list(figures) == ["slowest_ms", "cpu_ms", "bound_ms", "total_ms", "hung_over_deadline_ms", "named"]
    assert figures["named"] is True
    assert all(figures[name] > 0 for name in ("slowest_ms", "cpu_ms", "bound_ms", "total_ms"))
