"""The offline side: the matrix of a folder of Parquet tables, as this process computes it.

Run as a program (``python -m predictor.parity.offline FOLDER BATCH``) it writes the matrix beside the tables, so that
processes with other processors, C libraries and batches can be compared to the bit.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

from predictor.parity.tables import Tables, read
from searchrank.features import Evaluator, FeatureSet, FittedInput, Plan, Rows

__all__ = ["compute", "differing_bits", "load_plan", "rows_of", "store_plan"]

Matrix = npt.NDArray[np.float32]


def store_plan(folder: Path, feature_set: FeatureSet, inputs: tuple[FittedInput, ...]) -> None:
    """Write definitions and fitted inputs where another process finds them."""
    (folder / "features.yaml").write_text(feature_set.canonical, encoding="utf-8")
    (folder / "inputs.json").write_text(json.dumps([i.to_json() for i in inputs]), encoding="utf-8")


def load_plan(folder: Path) -> Plan:
    """Read what ``store_plan`` wrote."""
    inputs = json.loads((folder / "inputs.json").read_text(encoding="utf-8"))
    return Plan.compile(FeatureSet.load(folder / "features.yaml"), [FittedInput.from_json(i) for i in inputs])


def rows_of(feature_set: FeatureSet, tables: Tables) -> tuple[npt.NDArray[np.void], Rows]:
    """Return raw item records (the last one missing) and the pairs."""
    items, requests, pairs = tables.items, tables.requests, tables.pairs
    known = feature_set.item_encoder.encode(dict(zip(items.column_names, items.columns, strict=True)), len(items))
    asked = dict(zip(requests.column_names, requests.columns, strict=True))
    sent = dict(zip(pairs.column_names, pairs.columns, strict=True))
    return np.concatenate([known, feature_set.item_encoder.missing()]), Rows(
        sent["item"].to_numpy(),
        feature_set.request_encoder.encode(asked, len(requests)),
        sent["request"].to_numpy(),
        feature_set.candidate_encoder.encode(sent, len(pairs)),
    )


def compute(plan: Plan, tables: Tables, batch: int) -> Matrix:
    """Return the matrix ``(columns, pairs)``, computed ``batch`` pairs at a time."""
    items, rows = rows_of(plan.feature_set, tables)
    evaluator = Evaluator(plan)
    block = evaluator.derive(items)
    parts = (_compact(rows.part(k, k + batch)) for k in range(0, len(rows), batch))
    return np.concatenate([evaluator.evaluate(block, part) for part in parts], axis=1)


def _compact(rows: Rows) -> Rows:
    """Return the pairs with the requests they use alone, as a server would hold them."""
    first, last = int(rows.request_rows[0]), int(rows.request_rows[-1])
    return Rows(rows.item_rows, rows.requests[first : last + 1], rows.request_rows - first, rows.candidates)


def differing_bits(one: npt.NDArray[np.generic], other: npt.NDArray[np.generic]) -> int:
    """Return how many bits differ between two arrays of one shape."""
    a, b = (np.ascontiguousarray(x).view(np.uint8) for x in (one, other))
    return int(np.bitwise_count(a ^ b).sum())


if __name__ == "__main__":
    place, size = Path(sys.argv[1]), int(sys.argv[2])
    np.save(Path(sys.argv[3]), compute(load_plan(place), read(place), size))
