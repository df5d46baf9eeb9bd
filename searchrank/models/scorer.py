"""What every model looks like to the request path: columns in, one float64 a row out."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from searchrank.errors import DataError

__all__ = ["Scorer", "check_columns", "check_records"]


class Scorer(Protocol):
    """Gives every candidate a score, in the order it came; larger is better.

    Implementations: ``Forest`` (LightGBM text), ``LibraryForest`` (with linear trees), ``Linear``, ``OnnxModel`` and
    ``Blend`` (other models' scores). A scorer is immutable and may be used by several threads at once.
    """

    def score(self, columns: npt.NDArray[np.float32], trees: int | None = None) -> npt.NDArray[np.float64]:
        """Score all rows.

        Args:
            columns: Shape ``(f, n)``, C-contiguous, one row per model input; NaN means missing.
            trees: How much of a forest is used: its first trees; None: all. A model without trees takes no notice.

        Returns:
            Shape ``(n,)``, the bits depending on each row's values alone.

        Raises:
            DataError: When the shape, type or memory order is another, or the number of trees is not positive.
        """
        ...

    def contributions(self, columns: npt.NDArray[np.float32], row: int) -> npt.NDArray[np.float64] | None:
        """Say what each input added to one row's score.

        Args:
            columns: As for ``score``.
            row: Which row, from 0.

        Returns:
            Shape ``(f + 1,)``: one number per input and last the score of a row of which nothing is known; the sum
            is the score within 1e-9. None when a model of its kind cannot say.

        Raises:
            DataError: As for ``score``, and when there is no such row.
        """
        ...


def check_columns(columns: npt.NDArray[np.float32], width: int) -> None:
    """Refuse a matrix that a kernel would misread.

    Raises:
        DataError: When it is not a C-contiguous float32 matrix with one row per model input.
    """
    if columns.ndim != 2 or columns.dtype != np.float32 or not columns.flags.c_contiguous:
        raise DataError(
            f"a scorer reads a C-contiguous float32 matrix (inputs, rows), not {columns.dtype} {columns.shape}; "
            "hand it Evaluator.evaluate's result as it is"
        )
    if columns.shape[0] != width:
        raise DataError(f"the model was trained on {width} columns, got {columns.shape[0]}")


def check_records(items: npt.NDArray[np.uint8], numbers: npt.NDArray[np.int64], rows: int, width: int) -> None:
    """Refuse records that a kernel would misread.

    Raises:
        DataError: When they are not of that many bytes, or a row's number is missing or out of range.
    """
    if items.dtype != np.uint8 or items.ndim != 2 or items.shape[1] != width or (width and items.strides[1] != 1):
        raise DataError(f"items of {items.dtype} {items.shape} are not records of {width} bytes; prepare them again")
    if numbers.dtype != np.int64 or numbers.shape != (rows,) or not numbers.flags.c_contiguous:
        raise DataError(f"{rows} rows need as many numbers of records, contiguous int64; got {numbers.shape}")
    if rows and int(numbers.view(np.uint64).max()) >= len(items):
        raise DataError(f"a row's item is not among the {len(items)} records")
