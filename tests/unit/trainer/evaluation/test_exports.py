"""The public names of ``trainer.evaluation``: sorted, and all there."""

import trainer.evaluation


def test_public_names_are_sorted_and_exist():
    assert list(trainer.evaluation.__all__) == sorted(trainer.evaluation.__all__)
    for name in trainer.evaluation.__all__:
        value = getattr(trainer.evaluation, name)
        assert name.isupper() or value.__name__ == name
