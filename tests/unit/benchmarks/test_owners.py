"""A short run: contenders agree, and a search is asked of the whole catalogue."""

import json

from owners import main


def test_the_benchmark_ends_with_one_line_of_figures(capsys):
    assert main(["--owners", "40", "--items", "5", "--seconds", "0", "--rounds", "2", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    ways = {"sorted_union_ms", "scatter_ms", "roaring_ms", "run_length_ms", "ours_ms"}
    assert all(figures[layout].keys() == ways for layout in ("scattered", "grouped"))
    assert all(value is None or value > 0 for layout in ("scattered", "grouped") for value in figures[layout].values())
    assert figures.keys() == {"owners", "items", "scattered", "grouped", "search_ms", "plain_ms", "filter_ms", "share"}
    assert 0 < figures["share"] < 1
