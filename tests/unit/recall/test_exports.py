from __future__ import annotations

import subprocess
import sys

import recall
import recall.testing


def test_what_is_public_is_listed_in_order_and_there():
    for module in (recall, recall.testing):
        assert list(module.__all__) == sorted(module.__all__)
        assert all(hasattr(module, name) for name in module.__all__)


def test_reading_indexes_loads_no_training_stack():
    heavy = "{'scipy', 'pandas', 'numba', 'sklearn', 'lightgbm', 'mlflow', 'torch', 'polars', 'matplotlib'}"
    code = f"import sys, recall; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
