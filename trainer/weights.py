"""A weighted sum with weights that a person chose: a ranking for those who have nothing to learn from yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from searchrank.errors import ConfigError
from searchrank.models import Linear
from trainer.given import Given, release_of

if TYPE_CHECKING:
    from trainer.job import Job, Trial

__all__ = ["weigh"]


def weigh(job: Job) -> Trial:
    """Write a release whose score is the weighted sum of a model's inputs.

    Args:
        job: A model with ``weights:``.

    Raises:
        ConfigError: When a weight names no input.
        DefinitionError: When an input is wrong.
        DataError: When the catalogue is empty.
    """
    unknown = next((name for name in job.spec.weights if name not in job.spec.inputs), None)
    if unknown is not None:
        raise ConfigError(f"{unknown!r} is not among the model's inputs", field="weights")
    given = Given(
        scorer="linear",
        content=Linear(tuple(job.spec.weights.get(name, 0.0) for name in job.spec.inputs)).to_text(),
        lineage={"data": "none: the weights were chosen by hand", "weights": dict(job.spec.weights)},
        parameters={f"weight.{name}": weight for name, weight in job.spec.weights.items()},
    )
    return release_of(job, given)
