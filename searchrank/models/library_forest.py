"""A LightGBM model scored by LightGBM's own C library: what the native engine does not take, which is linear trees.

Some twenty times slower than ``Forest``. Only ``lib_lightgbm`` is opened: importing the Python package would cost a
serving process two seconds and 180 MB.
"""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import re
import threading
import weakref
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np
import numpy.typing as npt

from searchrank.errors import DataError
from searchrank.models.scorer import check_columns

__all__ = ["LibraryForest", "has_linear_trees"]

_FLOAT32: Final = 0
_COLUMNS: Final = 0  # the matrix lies column by column
_RAW: Final = 1
_ONE_THREAD: Final = b"num_threads=1"
_LINEAR: Final = re.compile(r"^is_linear=[^0\n]", re.MULTILINE)
_FILES: Final = ("lib/lib_lightgbm.so", "lib/lib_lightgbm.dylib", "lib_lightgbm.so", "bin/lib_lightgbm.dll")


def has_linear_trees(text: str) -> bool:
    """Whether a model text holds trees whose leaves are weighted sums."""
    return _LINEAR.search(text) is not None


class LibraryForest:
    """An immutable forest in LightGBM's memory; one thread a call, any number of calls at once.

    Attributes:
        feature_names: Names of the columns it was trained on, in order.
        classes: Scores a row.
        trees: Number of trees.
        scored: Rows that all models of this process scored this way.
    """

    scored: ClassVar[int] = 0
    _counting: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, text: str) -> None:
        """Hand a text of ``Booster.model_to_string()`` to the library.

        Raises:
            DataError: When the library is not installed or refuses the text.
        """
        self._library = _library()
        self._handle = ctypes.c_void_p()
        iterations = ctypes.c_int()
        self._check(
            self._library.LGBM_BoosterLoadModelFromString(
                text.encode(), ctypes.byref(iterations), ctypes.byref(self._handle)
            )
        )
        weakref.finalize(self, self._library.LGBM_BoosterFree, self._handle)
        self.feature_names = tuple(_said(text, "feature_names").split())
        self.classes = int(_said(text, "num_tree_per_iteration") or 1)
        self.trees = iterations.value * self.classes

    def score(self, columns: npt.NDArray[np.float32], trees: int | None = None) -> npt.NDArray[np.float64]:
        """Score all rows with the bits of ``Booster.predict(raw_score=True, num_threads=1)``; see ``Scorer``.

        Raises:
            DataError: When the library fails, or as ``Scorer``.
        """
        check_columns(columns, len(self.feature_names))
        if self.classes != 1:
            raise DataError(f"a model of {self.classes} classes has no single score a row")
        if trees is not None and trees < 1:
            raise DataError(f"a score of {trees} trees says nothing; ask for at least one", field="trees")
        rows = columns.shape[1]
        scores = np.zeros(rows)
        if rows:
            self._predict(columns, -1 if trees is None else trees, scores)
        with self._counting:
            LibraryForest.scored += rows
        return scores

    def contributions(self, columns: npt.NDArray[np.float32], row: int) -> npt.NDArray[np.float64]:
        """Say what the score gains by each input when they become known one after the other, in their order.

        Linear trees have no path contributions; these are as additive, and the inputs named first take what they
        share with later ones.

        Raises:
            DataError: When there is no such row, or as ``score``.
        """
        check_columns(columns, len(self.feature_names))
        width, rows = columns.shape
        if not 0 <= row < rows:
            raise DataError(f"row {row} does not exist, there are {rows}")
        known = np.full((width, width + 1), np.nan, np.float32)
        for number in range(width):
            known[number, number + 1 :] = columns[number, row]
        scores = self.score(known)
        return np.append(np.diff(scores), scores[0])

    def _predict(self, columns: npt.NDArray[np.float32], iterations: int, scores: npt.NDArray[np.float64]) -> None:
        width, rows = columns.shape
        count = ctypes.c_int64()
        matrix = (ctypes.c_void_p(columns.ctypes.data), _FLOAT32, ctypes.c_int32(rows), ctypes.c_int32(width), _COLUMNS)
        out = scores.ctypes.data_as(ctypes.POINTER(ctypes.c_double))
        self._check(
            self._library.LGBM_BoosterPredictForMat(
                self._handle, *matrix, _RAW, 0, iterations, _ONE_THREAD, ctypes.byref(count), out
            )
        )

    def _check(self, status: int) -> None:
        """Turn the library's failure into an error.

        Raises:
            DataError: When it failed.
        """
        if status:
            told = self._library.LGBM_GetLastError().decode(errors="replace")
            raise DataError(f"LightGBM's library refuses the model: {told}", field="model")


def _said(text: str, key: str) -> str:
    found = re.search(rf"^{key}=(.*)$", text.partition("\nTree=")[0], re.MULTILINE)
    return found.group(1).strip() if found else ""


@functools.cache
def _library() -> Any:
    """Open LightGBM's library where its Python package lies.

    Raises:
        DataError: When it is not installed or cannot be opened.
    """
    spec = importlib.util.find_spec("lightgbm")  # finds, and imports nothing
    folders = [Path(folder) for folder in (spec.submodule_search_locations or ())] if spec else []
    paths = [folder / name for folder in folders for name in _FILES if (folder / name).is_file()]
    if not paths:
        raise DataError(
            "the model has linear trees, which LightGBM's own library scores, and that is not installed here; "
            "run 'pip install lightgbm' or train without linear_tree",
            field="model",
        )
    try:
        library = ctypes.CDLL(str(paths[0]))
    except OSError as error:
        raise DataError(f"LightGBM's library cannot be opened: {error}", field="model") from error
    library.LGBM_GetLastError.restype = ctypes.c_char_p
    return library
