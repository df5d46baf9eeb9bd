"""A model in an ONNX file, run by ONNX Runtime: neural networks, and whatever else is exported to that format.

``onnxruntime`` is imported when the first such model is opened, so that a server of forests never pays for it.
"""

from __future__ import annotations

import functools
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from searchrank.errors import DataError
from searchrank.models.scorer import check_columns

__all__ = ["OnnxModel"]

_FLOAT: Final = "tensor(float)"
_SCORES: Final = (_FLOAT, "tensor(double)")
_PROVIDERS: Final = ["CPUExecutionProvider"]
_NOWHERE: Final = "/dev/null/searchrank"  # where weights outside the file would be looked for
_TRIAL_ROWS: Final = 3


class OnnxModel:
    """An immutable network with one float32 input ``(rows, columns)`` and one output, a score a row.

    A missing value reaches it as NaN, so the network or the features' missing policies must say what it means. The bits
    of a score may depend on the processor, on ONNX Runtime's version and on how many rows are scored at once.

    Attributes:
        width: Columns that it reads; 0: the file does not say.
    """

    def __init__(self, content: bytes) -> None:
        """Open the content of a file; one thread a call, any number of calls at once.

        Raises:
            DataError: When ONNX Runtime is not installed or refuses the file, weights lie outside it, or it has other
                inputs and outputs.
        """
        self._session = _opened(content)
        self._input, self.width = _only_input(self._session)
        self._output = _only_output(self._session)

    def check(self, width: int) -> None:
        """Score a few rows of zeros, so that a network that fails does so before it serves.

        Raises:
            DataError: When it reads another number of columns, fails, or does not give a score a row.
        """
        if self.width not in {0, width}:
            raise DataError(f"the model has {self.width} columns, the plan {width}", field="model")
        self._run(np.zeros((_TRIAL_ROWS, width), np.float32))

    def score(self, columns: npt.NDArray[np.float32], trees: int | None = None) -> npt.NDArray[np.float64]:  # noqa: ARG002 there are none
        """Score all rows; see ``Scorer``.

        Raises:
            DataError: When the network fails, or as ``Scorer``.
        """
        check_columns(columns, self.width or len(columns))
        rows = columns.shape[1]
        return self._run(np.ascontiguousarray(columns.T)) if rows else np.empty(0)

    def contributions(self, columns: npt.NDArray[np.float32], row: int) -> None:
        """Say nothing: what a network's input adds depends on all the others; see ``Scorer``."""

    def _run(self, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Give a score a row.

        Raises:
            DataError: When the network fails or gives something else.
        """
        try:
            (scores,) = self._session.run([self._output], {self._input: rows})
        except _failures() as error:
            raise DataError(f"the ONNX model cannot score {rows.shape} values: {error}", field="model") from error
        if scores.shape not in {(len(rows),), (len(rows), 1)}:
            raise DataError(
                f"the ONNX model gives {scores.shape} for {len(rows)} rows, ranking needs one score a row",
                field="model",
            )
        result: npt.NDArray[np.float64] = scores.reshape(len(rows)).astype(np.float64)
        return result


def _only_input(session: Any) -> tuple[str, int]:
    """Return the name of the input and how many columns it reads, 0 if the file leaves that open.

    Raises:
        DataError: When there is not one float32 input of two dimensions, the first of them open.
    """
    inputs = session.get_inputs()
    shapes = ", ".join(f"{one.name} {one.type} {one.shape}" for one in inputs)
    if len(inputs) != 1 or inputs[0].type != _FLOAT or len(inputs[0].shape) != 2:
        raise DataError(f"an ONNX model reads one float32 input (rows, columns), not {shapes or 'none'}", field="model")
    rows, width = inputs[0].shape
    if isinstance(rows, int):
        raise DataError(
            f"the ONNX model reads {rows} rows at a time; export it with an open first dimension", field="model"
        )
    return str(inputs[0].name), width if isinstance(width, int) else 0


def _only_output(session: Any) -> str:
    """Return the name of the output.

    Raises:
        DataError: When there is not exactly one, of floats.
    """
    outputs = session.get_outputs()
    if len(outputs) != 1 or outputs[0].type not in _SCORES:
        told = ", ".join(f"{one.name} {one.type}" for one in outputs)
        raise DataError(f"an ONNX model gives one output of floats, a score a row, not {told}", field="model")
    return str(outputs[0].name)


def _opened(content: bytes) -> Any:
    """Return a session that uses one thread and keeps no memory between calls.

    Raises:
        DataError: When ONNX Runtime refuses the content.
    """
    runtime = _runtime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = runtime.ExecutionMode.ORT_SEQUENTIAL
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 4  # what goes wrong is an exception, told once
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", _NOWHERE)
    try:
        return runtime.InferenceSession(content, options, providers=_PROVIDERS)
    except _failures() as error:
        raise DataError(
            f"ONNX Runtime {runtime.__version__} refuses the model: {error}; a model is one file with all its weights",
            field="model",
        ) from error


@functools.cache
def _failures() -> tuple[type[Exception], ...]:
    """Return what ONNX Runtime raises; its exceptions have no base of their own."""
    _runtime()
    from onnxruntime.capi import onnxruntime_pybind11_state as state  # noqa: PLC0415 - see _runtime

    found = (one for one in vars(state).values() if isinstance(one, type) and issubclass(one, Exception))
    return (*found, RuntimeError, ValueError)


@functools.cache
def _runtime() -> Any:
    """Import ONNX Runtime.

    Raises:
        DataError: When it is not installed.
    """
    try:
        import onnxruntime  # noqa: PLC0415 - only where such a model is opened
    except ImportError:
        raise DataError(
            "the model is an ONNX file and ONNX Runtime is not installed here; run \"pip install 'searchrank[onnx]'\"",
            field="model",
        ) from None
    return onnxruntime
