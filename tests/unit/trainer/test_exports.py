"""The public names of ``trainer``: sorted, and all there."""

import pytest

import trainer
from searchrank.errors import ConfigError
from trainer.extra import require_training


def test_public_names_are_sorted_and_exist():
    assert list(trainer.__all__) == sorted(trainer.__all__)
    for name in trainer.__all__:
        assert getattr(trainer, name).__name__ == name


def test_what_is_not_installed_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr("trainer.extra.LIBRARIES", ("numpy", "no_such_library"))
    with pytest.raises(ConfigError, match=r"training needs no_such_library; pip install 'searchrank\[train\]'"):
        require_training()
