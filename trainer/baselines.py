"""What a trained ranking must beat, and what it cannot: popularity, the order of recall, the simulator's truth."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from recall import Query, RecallConfig, Recaller
from searchrank.errors import ConfigError, DataError, NotFoundError
from searchrank.features import Root, StatisticKind

if TYPE_CHECKING:
    from pathlib import Path

    from searchrank.features import FeatureSet
    from searchrank.features.snapshot import Snapshot
    from searchrank.project import ModelSpec, Surface
    from trainer.samples import Samples

__all__ = ["oracle", "popularity", "recall_order"]

Floats = npt.NDArray[np.float64]

TRUTH: Final = "truth.arrow"
_LOGGER = logging.getLogger(__name__)


def popularity(samples: Samples, snapshot: Snapshot, spec: ModelSpec) -> Floats:
    """Return an item statistic as known when each request was made, shape (n,); a missing value ranks last.

    Raises:
        ConfigError: When the specification names no item statistic and none is declared.
    """
    name = spec.popularity or _first_count(samples.feature_set)
    item = samples.feature_set.inputs.get(name)
    if item is None or not item.is_live:
        raise ConfigError(f"{name!r} is no statistic of items in the feature file", field="popularity")
    parts = [samples.encode(first, last, snapshot).candidates[name] for first, last in samples.parts()]
    values = np.concatenate(parts).astype(np.float64)
    return np.where(np.isnan(values), -np.inf, values)


def _first_count(feature_set: FeatureSet) -> str:
    """Return the first declared count of items.

    Raises:
        ConfigError: When there is none.
    """
    for name, item in feature_set.inputs.items():
        if item.root is Root.ITEM and item.statistic is not None and item.statistic.kind is StatisticKind.COUNT:
            return name
    raise ConfigError("name an item statistic to compare with, such as item.clicks_7d", field="popularity")


def recall_order(samples: Samples, snapshot: Snapshot, surface: Surface | None) -> Floats:
    """Return the order in which recall alone would show each request's items, shape (n,); not recalled ranks last.

    Without indexes it is the place at which the log says each was shown. The indexes count all events of the log, also
    those after a request: that can only help this baseline.
    """
    try:
        config = RecallConfig.parse(surface.recall if surface is not None else {})
        recaller = Recaller.open(snapshot.indexes, config)
    except (NotFoundError, DataError, ConfigError) as error:
        _LOGGER.info("recall order is taken from the log: %s", error)
        return -samples.positions.astype(np.float64)
    recent = config.item_to_item.recent if config.item_to_item else ""
    limit = surface.candidates if surface is not None else 0
    parts = [_ranks(samples, snapshot, recaller, part, (recent, limit)) for part in samples.parts()]
    return -np.concatenate(parts)


def _ranks(
    samples: Samples, snapshot: Snapshot, recaller: Recaller, part: tuple[int, int], how: tuple[str, int]
) -> Floats:
    """Return the rank that recall gives each impression of some requests; infinite if it does not find it."""
    recent, limit = how
    rows = samples.encode(*part, snapshot)
    texts = samples.requests.column("query").slice(part[0], part[1] - part[0]).to_pylist()
    starts = samples.starts[part[0] : part[1] + 1] - samples.starts[part[0]]
    ranks = np.full(len(rows), np.inf)
    place = np.full(len(snapshot.catalogue) + 1, np.inf)
    for i, text in enumerate(texts):
        before = _recent_rows(rows.requests, recent, i, snapshot)
        query = Query(text=text or "", recent=before, time=int(samples.times[part[0] + i]))
        found = recaller.retrieve(query, limit).recalled.rows
        place[found] = np.arange(len(found))
        mine = slice(starts[i], starts[i + 1])
        ranks[mine] = place[rows.item_rows[mine]]
        place[found] = np.inf
    return ranks


def _recent_rows(requests: Any, name: str, row: int, snapshot: Snapshot) -> npt.NDArray[np.int64]:
    """Return the catalogue rows of a user's recent items."""
    if name not in (requests.dtype.names or ()):
        return np.empty(0, np.int64)
    cell = requests[name][row]
    hashes = np.ascontiguousarray(cell["values"][: max(0, int(cell["count"]))])
    return snapshot.catalogue.rows_of_hashes(hashes)


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
