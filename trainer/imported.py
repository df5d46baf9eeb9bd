"""A release of a model file that another program made: LightGBM's text or ONNX."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from searchrank.errors import ConfigError, DataError, NotFoundError
from searchrank.features import ModelInput
from trainer.given import Given, release_of

if TYPE_CHECKING:
    from trainer.job import Job, Trial

__all__ = ["import_model"]

_LIGHTGBM: Final = b"tree\n"
_UNFITTED: Final = frozenset({"clip"})


def import_model(job: Job, path: Path) -> Trial:
    """Write a release of a model file that reads a job's inputs as its columns, in their order.

    Args:
        job: Whose inputs it reads; none with a transform that is fitted, since nothing is known of the values that the
            model was trained on.
        path: Text of LightGBM's ``save_model``, or an ONNX file with one float32 input ``(rows, columns)`` and one
            output of a score a row.

    Raises:
        NotFoundError: When there is no such file.
        ConfigError: When an input has a transform that is fitted.
        DefinitionError: When an input is wrong.
        DataError: When the file is of neither kind, does not fit the inputs, or gives NaN.
    """
    content = _read(path)
    _check_transforms(job)
    is_forest = content.replace(b"\r\n", b"\n").startswith(_LIGHTGBM)
    if not is_forest and path.suffix.lower() != ".onnx":
        raise DataError(f"{path} is no model text of LightGBM and is not named .onnx", field="model")
    lineage = {"data": f"none: imported from {path.name}", "sha256": hashlib.sha256(content).hexdigest()}
    return release_of(
        job,
        Given(
            scorer="lightgbm" if is_forest else "onnx",
            content=content,
            lineage=lineage,
            parameters={"imported": path.name, "sha256": lineage["sha256"]},
            trees=content.count(b"\nTree=") if is_forest else 0,
        ),
    )


def _read(path: Path) -> bytes:
    """Return the content of a file.

    Raises:
        NotFoundError: When there is none.
        DataError: When it cannot be read or is empty.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise NotFoundError(f"there is no file {path}") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}", field="model") from error
    if not content:
        raise DataError(f"{path} is empty", field="model")
    return content


def _check_transforms(job: Job) -> None:
    """Refuse inputs whose transforms would be fitted to other values than the model knows.

    Raises:
        ConfigError: When there is one.
    """
    for text in job.spec.inputs:
        for transform in ModelInput.parse(text, job.feature_set).transforms:
            if transform.name not in _UNFITTED:
                raise ConfigError(
                    f"{text!r} would be fitted anew, and the model was trained on other values; write the transform "
                    "with its numbers as a feature",
                    field="inputs",
                )
