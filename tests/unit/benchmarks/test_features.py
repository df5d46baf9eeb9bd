import json
import subprocess
import sys
from pathlib import Path

import pytest
from timing import interleaved

FOLDER = Path(__file__).parents[3] / "benchmarks"


def test_contenders_take_turns_round_by_round():
    turns = []
    times = interleaved({"a": lambda: turns.append("a"), "b": lambda: turns.append("b")}, seconds=0, least=3)
    rounds = [sorted(turns[k : k + 2]) for k in range(0, len(turns), 2)]
    assert rounds == [["a", "b"]] * 5  # two rounds to warm up, three that count
    assert {t.rounds for t in times.values()} == {3}
    assert all(0 < t.low <= t.median <= t.high for t in times.values())


@pytest.mark.slow
@pytest.mark.integration
def test_the_benchmark_ends_with_one_line_of_figures():
    command = [sys.executable, str(FOLDER / "features.py"), "--rows", "2000", "--seconds", "0", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    assert {"ours_us", "numpy_us", "polars_us", "offline_rows_per_s", "load_ms"} <= figures.keys()
    assert figures["compiled_functions"] == 0
    assert all(value > 0 for name, value in figures.items() if name != "compiled_functions")
