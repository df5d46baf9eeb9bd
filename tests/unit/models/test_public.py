"""What the package shows, and what importing it must not bring along."""

from __future__ import annotations

import doctest
import subprocess
import sys

import pytest

import searchrank.models
from searchrank.models import environment, forest, linear


def test_public_names_are_sorted_and_there():
    names = searchrank.models.__all__
    assert sorted(names, key=lambda name: (not name.isupper(), name)) == names  # constants first, as ruff has it
    assert all(hasattr(searchrank.models, name) for name in names)


@pytest.mark.parametrize("module", [environment, forest, linear], ids=lambda m: m.__name__)
def test_examples_in_docstrings_hold(module):
    results = doctest.testmod(module)
    assert results.attempted
    assert not results.failed


@pytest.mark.slow
def test_scoring_imports_no_compiler_and_no_training_library():
    code = (
        "import sys, numpy, searchrank.models as m;"
        "m.Linear((1.0,)).score(numpy.zeros((1, 2), numpy.float32));"
        "from searchrank.native import library; library();"
        "bad = {'numba', 'lightgbm', 'mlflow', 'pandas', 'scipy', 'sklearn', 'torch', 'matplotlib'} & set(sys.modules);"
        "sys.exit(str(bad) if bad else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
