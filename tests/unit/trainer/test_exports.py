"""The public names of ``trainer``: sorted, and all there."""

import trainer


def test_public_names_are_sorted_and_exist():
    assert list(trainer.__all__) == sorted(trainer.__all__)
    for name in trainer.__all__:
        assert getattr(trainer, name).__name__ == name
