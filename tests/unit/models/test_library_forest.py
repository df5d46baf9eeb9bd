"""Linear trees by LightGBM's own library, found without importing its package."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from searchrank.errors import DataError
from searchrank.models import Forest, LibraryForest, library_forest
from searchrank.models.kinds import parse_scorer

lightgbm = pytest.importorskip("lightgbm")


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    x = np.random.default_rng(2).normal(size=(500, 4)).astype(np.float32)
    x[::9, 1] = np.nan
    return x


@pytest.fixture(scope="module")
def text(rows) -> str:
    chosen = {"verbose": -1, "num_threads": 1, "linear_tree": True, "num_leaves": 15}
    target = rows[:, 0] * 3 + np.nan_to_num(rows[:, 1]) ** 2
    return lightgbm.train(chosen, lightgbm.Dataset(rows, target), 20).model_to_string()


@pytest.mark.parametrize("trees", [None, 1, 7])
def test_scores_are_lightgbms_to_the_bit(text, rows, trees):
    scorer = parse_scorer("lightgbm", text, ("a", "b", "c", "d"))
    assert isinstance(scorer, LibraryForest)
    expected = lightgbm.Booster(model_str=text).predict(rows, raw_score=True, num_iteration=trees, num_threads=1)
    assert scorer.score(np.ascontiguousarray(rows.T), trees).tobytes() == expected.tobytes()


def test_rows_are_counted(text, rows):
    scorer, before = LibraryForest(text), LibraryForest.scored
    scorer.score(np.ascontiguousarray(rows.T))
    assert scorer.score(np.empty((4, 0), np.float32)).shape == (0,)
    assert LibraryForest.scored - before == len(rows)


def test_contributions_begin_with_nothing_known_and_end_with_the_score(text, rows):
    scorer, columns = LibraryForest(text), np.ascontiguousarray(rows.T)
    nothing = scorer.score(np.full((4, 1), np.nan, np.float32))[0]
    for row in (0, 1, 499):
        found = scorer.contributions(columns, row)
        assert found[-1] == nothing
        assert found.sum() == pytest.approx(scorer.score(columns)[row], abs=1e-9)


def test_other_forests_take_the_native_engine(rows):
    data = lightgbm.Dataset(rows, rows[:, 0].copy())
    text = lightgbm.train({"verbose": -1, "num_threads": 1}, data, 2).model_to_string()
    assert isinstance(parse_scorer("lightgbm", text, ("a", "b", "c", "d")), Forest)


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda f, x: f.score(x[:3]), "trained on 4 columns"),
        (lambda f, x: f.score(x, 0), "at least one"),
        (lambda f, x: f.contributions(x, 500), "does not exist"),
    ],
)
def test_what_cannot_be_scored_is_refused(text, rows, ask, words):
    with pytest.raises(DataError, match=words):
        ask(LibraryForest(text), np.ascontiguousarray(rows.T))


def test_a_damaged_text_is_refused_in_the_librarys_words(text):
    with pytest.raises(DataError, match="LightGBM's library refuses the model"):
        LibraryForest(text.replace("num_class=1", "num_klass=1"))


def test_without_the_library_the_way_out_is_named(text, monkeypatch):
    library_forest._library.cache_clear()
    monkeypatch.setattr(library_forest.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(DataError, match="pip install lightgbm"):
        LibraryForest(text)


def test_the_python_package_is_not_imported(text, tmp_path):
    (tmp_path / "model.txt").write_text(text, encoding="utf-8")
    program = (
        "import sys, pathlib, numpy as np; from searchrank.models import LibraryForest;"
        "f = LibraryForest(pathlib.Path(sys.argv[1]).read_text());"
        "f.score(np.zeros((4, 3), np.float32)); print({'lightgbm', 'scipy', 'sklearn', 'pandas'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "model.txt")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "set()"
