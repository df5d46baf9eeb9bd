"""The package as others see it."""

import importlib
import sys

import pytest

import predictor
from predictor.lean import REFUSED, keep_lean


def test_public_names_are_sorted_and_all_there():
    assert sorted(predictor.__all__) == predictor.__all__
    for name in predictor.__all__:
        assert getattr(predictor, name).__name__ == name


def test_a_name_that_is_not_public_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Predictor'"):
        predictor.Predictor  # noqa: B018 - reading it is the test


def test_a_lean_process_is_told_that_training_libraries_are_not_there():
    before = list(sys.meta_path)
    try:
        keep_lean()
        keep_lean()
        assert len(sys.meta_path) == len(before) + 1
        missing = next(name for name in sorted(REFUSED) if name not in sys.modules)
        with pytest.raises(ModuleNotFoundError, match="kept out of serving"):
            importlib.import_module(missing)
    finally:
        sys.meta_path[:] = before
