"""What a trained ranking must beat, and what it cannot: popularity as it was, and a simulator's truth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from searchrank.errors import ConfigError, DataError
from searchrank.features import Root, StatisticKind

if TYPE_CHECKING:
    from pathlib import Path

    from searchrank.features import FeatureSet
    from searchrank.features.snapshot import Snapshot
    from searchrank.project import ModelSpec
    from trainer.samples import Samples

__all__ = ["logged_order", "oracle", "popularity", "popularity_statistic"]

Floats = npt.NDArray[np.float64]

TRUTH: Final = "truth.arrow"


def popularity(samples: Samples, snapshot: Snapshot, spec: ModelSpec) -> Floats:
    """Return an item statistic as known when each request was made, shape (n,); a missing value ranks last.

    Raises:
        ConfigError: When the specification names no item statistic and none is declared.
    """
    name = popularity_statistic(samples.feature_set, spec)
    parts = [samples.encode(first, last, snapshot).candidates[name] for first, last in samples.parts()]
    values = np.concatenate(parts).astype(np.float64)
    return np.where(np.isnan(values), -np.inf, values)


def popularity_statistic(feature_set: FeatureSet, spec: ModelSpec) -> str:
    """Return the name of the item statistic that popularity goes by.

    Raises:
        ConfigError: When the specification names no item statistic and none is declared.
    """
    name = spec.popularity or _first_count(feature_set)
    item = feature_set.inputs.get(name)
    if item is None or not item.is_live:
        raise ConfigError(f"{name!r} is no statistic of items in the feature file", field="popularity")
    return name


def _first_count(feature_set: FeatureSet) -> str:
    """Return the first declared count of items.

    Raises:
        ConfigError: When there is none.
    """
    for name, item in feature_set.inputs.items():
        if item.root is Root.ITEM and item.statistic is not None and item.statistic.kind is StatisticKind.COUNT:
            return name
    raise ConfigError("name an item statistic to compare with, such as item.clicks_7d", field="popularity")


def logged_order(samples: Samples) -> Floats:
    """Return the order in which things were shown, shape (n,), for a model that no surface with recall uses."""
    return -samples.positions.astype(np.float64)


def oracle(samples: Samples, root: Path) -> Floats | None:
    """Return what a simulator says of each impression, shape (n,), or None when the data are not simulated.

    Raises:
        DataError: When the truth does not know an impression.
    """
    path = root / TRUTH
    if not path.is_file():
        return None
    with pa.memory_map(str(path)) as source:
        truth = pa.ipc.open_file(source).read_all()
    asked = samples.requests.column("request_id").combine_chunks()
    truth = truth.filter(pc.is_in(truth.column("request_id"), asked))
    items = pc.unique(truth.column("item_id"))
    known = _key(truth.column("request_id"), truth.column("item_id"), asked, items)
    shown_in = asked.take(pa.array(np.repeat(np.arange(len(asked)), samples.sizes)))
    wanted = _key(shown_in, samples.impressions.column("item_id"), asked, items)
    order = np.argsort(known)
    at = (
        order[np.minimum(np.searchsorted(known, wanted, sorter=order), max(len(known) - 1, 0))] if len(known) else known
    )
    if not len(known) or not (known[at] == wanted).all():
        raise DataError(f"{path} does not know every impression of the log; is it of this log?")
    values: Floats = truth.column(2).to_numpy()[at]
    return values


def _key(requests: Any, items: Any, asked: pa.Array, known: pa.Array) -> npt.NDArray[np.int64]:
    """Return one number for each pair of request and item; -1 for a strange one."""
    row = pc.fill_null(pc.index_in(requests, asked), -1).to_numpy().astype(np.int64)
    item = pc.fill_null(pc.index_in(items, known), -1).to_numpy().astype(np.int64)
    return np.where((row >= 0) & (item >= 0), row * len(known) + item, -1)
