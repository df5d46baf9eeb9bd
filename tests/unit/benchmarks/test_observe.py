"""A short run of the benchmark: its figures are there, and nothing that it started goes on."""

import json
import sys
import threading

import observe


def test_the_benchmark_ends_with_one_line_of_figures(monkeypatch, capsys):
    before = threading.active_count()
    monkeypatch.setattr(sys, "argv", ["observe.py", "--seconds", "0", "--json"])
    observe.main()
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    parts = {"metrics", "unsampled", "sampled", "log", "request", "request_sampled"}
    assert figures.keys() == {*parts, "encode_us"}
    assert all(figures[part].keys() == {"ours_us", "naive_us"} for part in parts)
    assert all(value > 0 for part in parts for value in figures[part].values())
    assert threading.active_count() == before
