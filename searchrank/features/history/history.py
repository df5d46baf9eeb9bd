"""Every declared statistic over one set of events, in memory or mapped from a folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from searchrank.errors import DataError, NotFoundError
from searchrank.features.catalogue import Catalogue
from searchrank.features.definitions import FeatureSet
from searchrank.features.hash_table import HashTable
from searchrank.features.history.events import EventColumns
from searchrank.features.history.reading import Reading
from searchrank.features.history.series import Objects, Series, SeriesKey, build_series, statistics_of
from searchrank.features.inputs import Input, Root, layout
from searchrank.native import address

__all__ = ["History"]

Ints = npt.NDArray[np.int64]
Records = npt.NDArray[np.void]

FORMAT: Final = 1
_ARRAYS: Final = ("starts", "times", "totals", "keys", "pair_starts")
_MOST_LAYOUTS: Final = 64


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """Statistics as known at any time; safe to read from any thread.

    The value read at time t is that of the last multiple of ``refresh`` before or at t, over the events known in the
    window that ends there, the end excluded. An object without events counts 0, has a rate or mean of its prior (NaN
    without one) and empty lists and maps; no object at all (hash 0) is a missing value. Missing policies are applied.

    Attributes:
        inputs: The statistics' inputs.
        objects: Rows of the users, items and queries that have events.
        series: Ordered events, shared between statistics.
    """

    inputs: tuple[Input, ...]
    objects: Mapping[Root, Objects]
    series: Mapping[SeriesKey, Series]
    _readings: dict[Root, list[Reading]] = field(init=False, default_factory=dict)
    _bound: dict[tuple[int, Root], tuple[object, list[Callable[[int, int, int], None]]]] = field(
        init=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        for item, statistic in statistics_of(self.inputs):
            series = self.series[SeriesKey.of(item, statistic)]
            reading = Reading.of(item, statistic, self.objects[item.root], series)
            self._readings.setdefault(item.root, []).append(reading)

    @classmethod
    def build(
        cls, source: FeatureSet | Iterable[Input], events: EventColumns, catalogue: Catalogue | None = None
    ) -> History:
        """Order the events for every statistic that is declared.

        Args:
            source: Feature set or inputs; those without a statistic are passed over.
            events: All events, by known time.
            catalogue: Gives items their keys (``by:``); events of items it lacks have none.

        Raises:
            DataError: When the catalogue is needed and not given, or values are too large to be summed exactly.
            DefinitionError: When ``by:`` does not name a category, tokens or list input of items.
        """
        inputs = _counted(source)
        objects = {root: Objects.of(getattr(events, root.value)) for root in {i.root for i in inputs}}
        keys = {SeriesKey.of(item, statistic): None for item, statistic in statistics_of(inputs)}
        series = {key: build_series(key, events, objects[key.root], catalogue) for key in keys}
        return cls(inputs, objects, series)

    def requests(self, users: Ints, queries: Ints, times: Ints) -> dict[str, npt.NDArray[Any]]:
        """Read every statistic of users and queries.

        Args:
            users: Hashes of user ids, shape (r,); 0: no user.
            queries: ``query_hash`` of the texts, shape (r,); 0: no query.
            times: Microseconds since 1970 UTC, shape (r,).

        Returns:
            Cells by input name, shape (r,) each: float32, or records of count, keys and values.
        """
        names = [i for i in self.inputs if i.root is not Root.ITEM]
        records: Records = np.zeros(len(times), layout(names))
        self.fill_requests(records, users, queries, times)
        return {i.name: records[i.name] for i in names}

    def items(self, items: Ints, times: Ints) -> dict[str, npt.NDArray[np.float32]]:
        """Read every live item statistic, for item hashes and times of shape (n,); float32 (n,) each."""
        names = [i for i in self.inputs if i.root is Root.ITEM]
        records: Records = np.zeros(len(times), layout(names))
        self.fill_candidates(records, items, times)
        return {i.name: records[i.name] for i in names}

    def fill_requests(self, records: Records, users: Ints, queries: Ints, times: Ints) -> None:
        """Write the statistics of users and queries into the fields of their names; see ``requests``."""
        self._fill(Root.USER, records, users, times)
        self._fill(Root.QUERY, records, queries, times)

    def fill_candidates(self, records: Records, items: Ints, times: Ints) -> None:
        """Write the live item statistics into the fields of their names; see ``items``."""
        self._fill(Root.ITEM, records, items, times)

    def _fill(self, root: Root, records: Records, hashes: Ints, times: Ints) -> None:
        if root not in self._readings:
            return
        known = self._bound.get((id(records.dtype), root))
        readers = known[1] if known is not None else self._bind(records.dtype, root)
        count = len(records)
        if len(hashes) != count or len(times) != count or not records.flags.c_contiguous:
            raise ValueError(f"{len(hashes)} objects and {len(times)} times for {count} records, which must be dense")
        questions = np.empty((2, count), np.int64)
        questions[1] = times
        where, out = address(questions), address(records)
        self.objects[root].table.write_objects(hashes, where)
        for read in readers:
            read(count, where, out)

    def _bind(self, kind: np.dtype[Any], root: Root) -> list[Callable[[int, int, int], None]]:
        readers = [read for reading in self._readings[root] if (read := reading.bind(kind)) is not None]
        if len(self._bound) >= _MOST_LAYOUTS:
            self._bound.clear()
        self._bound[id(kind), root] = (kind, readers)  # the layout is kept so that its id stays its own
        return readers

    def write(self, folder: Path) -> None:
        """Write everything into a folder that is made if need be; ``open`` reads it back."""
        folder.mkdir(parents=True, exist_ok=True)
        for root, objects in self.objects.items():
            np.save(folder / f"{root}.npy", objects.table.slots)
        entries = []
        for number, (key, series) in enumerate(self.series.items()):
            for name in _ARRAYS:
                np.save(folder / f"{number:03d}.{name}.npy", getattr(series, name))
            entries.append({**asdict(key), "most_keys": series.most_keys})
        roots = {root.value: objects.count for root, objects in self.objects.items()}
        manifest = {"format": FORMAT, "objects": roots, "series": entries}
        (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def open(cls, folder: Path, source: FeatureSet | Iterable[Input]) -> History:
        """Map what ``write`` wrote; windows, refreshes, priors and limits are those of ``source``.

        Raises:
            NotFoundError: When the folder holds no history.
            DataError: When a statistic needs events that were not kept.
        """
        try:
            manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise NotFoundError(f"no history in {folder}; build a snapshot with 'searchrank index'") from None
        except ValueError as error:
            raise DataError(f"{folder / 'manifest.json'} is damaged: {error}; rebuild the snapshot") from None
        if manifest.get("format") != FORMAT:
            raise DataError(f"{folder} is not a history of format {FORMAT}; rebuild the snapshot")
        inputs = _counted(source)
        numbers = {_key(entry): (number, entry) for number, entry in enumerate(manifest["series"])}
        series = {}
        for item, statistic in statistics_of(inputs):
            key = SeriesKey.of(item, statistic)
            if key not in numbers:
                raise DataError(f"{folder} keeps no events for it; rebuild the snapshot", field=item.name)
            series[key] = _read(folder, *numbers[key])
        roots = {i.root: manifest["objects"][i.root.value] for i in inputs}
        objects = {root: Objects(HashTable(_load(folder / f"{root}.npy")), count) for root, count in roots.items()}
        return cls(inputs, objects, series)


def _counted(source: FeatureSet | Iterable[Input]) -> tuple[Input, ...]:
    inputs = source.inputs.values() if isinstance(source, FeatureSet) else source
    return tuple(i for i in inputs if i.statistic is not None)


def _key(entry: dict[str, Any]) -> SeriesKey:
    words = {name: entry[name] for name in ("event", "over", "by", "totals")}
    return SeriesKey(root=Root(entry["root"]), **words)


def _read(folder: Path, number: int, entry: dict[str, Any]) -> Series:
    arrays = {name: _load(folder / f"{number:03d}.{name}.npy") for name in _ARRAYS}
    return Series(**arrays, most_keys=entry["most_keys"])


def _load(path: Path) -> npt.NDArray[Any]:
    try:
        array: npt.NDArray[Any] = np.load(path, mmap_mode="r")
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is damaged: {error}; rebuild the snapshot") from error
    return array.view(np.ndarray)
