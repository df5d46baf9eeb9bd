"""Golden rows: raw inputs with the feature bytes and scores they must give, on any machine, for ever."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from searchrank.errors import DataError
from searchrank.features import Evaluator, FeatureSet, Input, Rows, arrow_type
from searchrank.features.records import Encoder
from searchrank.models.cells import fill_cells, is_stored, read_cells
from searchrank.models.pair_scorer import PairScorer
from searchrank.models.scorer import Scorer

__all__ = [
    "MOST_ROWS",
    "Outcome",
    "compute",
    "golden_pairs",
    "golden_table",
    "raw_columns",
    "record_columns",
    "sample",
    "score_pairs",
    "with_nothing",
]

MOST_ROWS: Final = 256
_FEATURES: Final = "features"
_SCORE: Final = "score"

Records = npt.NDArray[np.void]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What golden rows give.

    Attributes:
        features: float32 ``(f, n)``.
        scores: float64 ``(n,)``.
    """

    features: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float64]

    @classmethod
    def of(cls, block: Records, rows: Rows, evaluator: Evaluator, scorer: Scorer) -> Outcome:
        """Evaluate and score pairs, all columns from floats."""
        features = evaluator.evaluate(block, rows)
        return cls(features, scorer.score(features))

    @classmethod
    def read(cls, table: pa.Table, width: int) -> Outcome:
        """Read the outcome stored in a golden table.

        Raises:
            DataError: When the stored bytes are not of ``width`` features.
        """
        cells = table.column(_FEATURES).combine_chunks()
        if cells.type != pa.binary(4 * width) or cells.null_count:
            raise DataError(f"golden features are {cells.type}, the plan has {width} columns", field=_FEATURES)
        content = b"".join(cells.to_pylist())
        features = np.frombuffer(content, dtype="<f4").reshape(len(table), width)
        return cls(np.ascontiguousarray(features.T), table.column(_SCORE).to_numpy())


def sample(rows: int) -> npt.NDArray[np.int64]:
    """Return at most ``MOST_ROWS - 1`` row numbers, evenly spaced from the first to the last."""
    return np.unique(np.linspace(0, rows - 1, min(rows, MOST_ROWS - 1)).round().astype(np.int64))


def record_columns(encoder: Encoder, records: Records) -> dict[str, pa.Array]:
    """Return encoded records as golden columns, for inputs whose raw values are gone (statistics)."""
    return {name: read_cells(item, records[name]) for name, item in encoder.inputs.items()}


def with_nothing(raw: pa.Table) -> pa.Table:
    """Append a row in which everything is missing, so that each missing policy is part of the proof."""
    nothing = pa.table({field.name: pa.nulls(1, field.type) for field in raw.schema}, schema=raw.schema)
    return pa.concat_tables([raw, nothing])


def raw_columns(feature_set: FeatureSet, table: pa.Table) -> pa.Table:
    """Return one column per declared input in its raw (or stored) type; an absent one is all missing.

    Raises:
        DataError: When a column cannot be what is declared.
    """
    columns = {name: _column(item, table) for name, item in feature_set.inputs.items()}
    return pa.table(columns) if columns else table.select([])


def _column(item: Input, table: pa.Table) -> pa.Array:
    if item.name not in table.column_names:
        return pa.nulls(len(table), arrow_type(item))
    column = pa.concat_arrays(table.column(item.name).chunks) if len(table) else pa.array([], arrow_type(item))
    if is_stored(item, column.type) or column.type == arrow_type(item):
        return column
    try:
        plain = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
        return plain.cast(arrow_type(item))
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise DataError(f"golden values are {column.type}, not {arrow_type(item)}: {error}", field=item.name) from error


def golden_table(raw: pa.Table, outcome: Outcome) -> pa.Table:
    """Put raw inputs and what they gave into one table."""
    rows = np.ascontiguousarray(outcome.features.T).astype("<f4")
    width = rows.shape[1]
    cells = pa.FixedSizeBinaryArray.from_buffers(pa.binary(4 * width), len(rows), [None, pa.py_buffer(rows.tobytes())])
    return raw.append_column(_FEATURES, cells).append_column(_SCORE, pa.array(outcome.scores))


def compute(table: pa.Table, evaluator: Evaluator, scorer: Scorer) -> Outcome:
    """Encode raw golden rows, derive their items' part, evaluate and score them.

    Raises:
        DataError: When a column is not what is declared.
    """
    return Outcome.of(*golden_pairs(table, evaluator), evaluator, scorer)


def golden_pairs(table: pa.Table, evaluator: Evaluator) -> tuple[Records, Rows]:
    """Return raw golden rows as an item block and pairs, each row with an item of its own.

    Raises:
        DataError: When a column is not what is declared.
    """
    feature_set: FeatureSet = evaluator.plan.feature_set
    rows = len(table)
    items = np.concatenate([_encode(feature_set.item_encoder, table), feature_set.item_encoder.missing()])
    own = np.arange(rows, dtype=np.int64)
    requests = _encode(feature_set.request_encoder, table)
    candidates = _encode(feature_set.candidate_encoder, table)
    return evaluator.derive(items), Rows(own, requests, own, candidates)


def score_pairs(block: Records, rows: Rows, evaluator: Evaluator, scorer: PairScorer) -> npt.NDArray[np.float64]:
    """Score pairs as a server does: with what was prepared of each item."""
    prepared = scorer.prepare(evaluator.plan.item_columns(block))
    return scorer.score(evaluator.evaluate_pairs(block, rows), prepared, rows.item_rows)


def _encode(encoder: Encoder, table: pa.Table) -> Records:
    columns: dict[str, Any] = {name: table.column(name).combine_chunks() for name in encoder.inputs}
    stored = {name for name, column in columns.items() if is_stored(encoder.inputs[name], column.type)}
    raw = {name: column for name, column in columns.items() if name not in stored}
    records = encoder.encode(raw, len(table))
    for name in stored:
        fill_cells(encoder.inputs[name], records[name], columns[name])
    return records
