"""Every declared statistic over the events of a log, in memory or mapped from a folder, whole or in parts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from searchrank.errors import DataError, NotFoundError
from searchrank.features.catalogue import Catalogue
from searchrank.features.definitions import FeatureSet
from searchrank.features.history.events import EventColumns
from searchrank.features.history.reading import Read, Reading
from searchrank.features.history.series import Objects, SeriesKey, build_series, statistics_of
from searchrank.features.history.traces import Chains, Traces, places
from searchrank.features.inputs import Input, Root, layout
from searchrank.features.kernels.trace import find_chains
from searchrank.native import address, compiled

__all__ = ["History", "Part"]

Ints = npt.NDArray[np.int64]
Records = npt.NDArray[np.void]

FORMAT: Final = 2
ALWAYS: Final = (1 << 63) - 1
_MOST_LAYOUTS: Final = 64


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """The events of one stretch of a log.

    Attributes:
        events: How many there are.
        traces: What each object left behind in them, by root.
    """

    events: int
    traces: Mapping[Root, Traces]


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """Statistics as known at any time; safe to read from any thread, never changed.

    The value read at time t is that of the last multiple of ``refresh`` before or at t, over the events known in the
    window that ends there, the end excluded. An object without events counts 0, has a rate or mean of its prior (NaN
    without one) and empty lists and maps; no object at all (hash 0) is a missing value. Missing policies are applied.

    A history has parts, the later events in the later parts; read together they give, to the bit, what one part
    with all the events gives.

    Attributes:
        inputs: The statistics' inputs.
        series: Number of each series in the traces of its root.
        parts: The older first.
    """

    inputs: tuple[Input, ...]
    series: Mapping[SeriesKey, int]
    parts: tuple[Part, ...]
    _bound: dict[tuple[int, Root], tuple[object, list[Read]]] = field(default_factory=dict)
    _places: dict[Root, tuple[Ints, int]] = field(default_factory=dict)

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
        numbers: dict[SeriesKey, int] = {}
        for key in dict.fromkeys(SeriesKey.of(item, statistic) for item, statistic in statistics_of(inputs)):
            numbers[key] = sum(other.root is key.root for other in numbers)
        empty = cls(inputs, numbers, ())
        return empty.extended([empty.part(events, catalogue)])

    def part(self, events: EventColumns, catalogue: Catalogue | None = None) -> Part:
        """Order further events for the series of this history; errors and arguments as for ``build``.

        Raises:
            DataError: When the catalogue is needed and not given, or values are too large to be summed exactly.
            DefinitionError: When ``by:`` does not name a category, tokens or list input of items.
        """
        traces = {}
        for root in {key.root for key in self.series}:
            objects = Objects.of(getattr(events, root.value))
            keys = sorted((key for key in self.series if key.root is root), key=self.series.__getitem__)
            traces[root] = Traces.pack(objects, [build_series(key, events, objects, catalogue) for key in keys])
        return Part(len(events), traces)

    def extended(self, parts: Sequence[Part]) -> History:
        """Return a history that reads these parts, made by this one's ``part``, after its own."""
        return replace(self, parts=(*self.parts, *parts), _places={})

    def requests(
        self, users: Ints, queries: Ints, times: Ints, before: Ints | None = None
    ) -> dict[str, npt.NDArray[Any]]:
        """Read every statistic of users and queries.

        Args:
            users: Hashes of user ids, shape (r,); 0: no user.
            queries: ``query_hash`` of the texts, shape (r,); 0: no query.
            times: Microseconds since 1970 UTC, shape (r,).
            before: Only events known before this count, shape (r,); None: all that ``times`` allow.

        Returns:
            Cells by input name, shape (r,) each: float32, or records of count, keys and values.
        """
        names = [i for i in self.inputs if i.root is not Root.ITEM]
        records: Records = np.zeros(len(times), layout(names))
        self.fill_requests(records, users, queries, times, before)
        return {i.name: records[i.name] for i in names}

    def items(self, items: Ints, times: Ints, before: Ints | None = None) -> dict[str, npt.NDArray[np.float32]]:
        """Read every live item statistic, for item hashes and times of shape (n,); float32 (n,) each."""
        names = [i for i in self.inputs if i.root is Root.ITEM]
        records: Records = np.zeros(len(times), layout(names))
        self.fill_candidates(records, items, times, before)
        return {i.name: records[i.name] for i in names}

    def fill_requests(
        self, records: Records, users: Ints, queries: Ints, times: Ints, before: Ints | None = None
    ) -> None:
        """Write the statistics of users and queries into the fields of their names; see ``requests``."""
        self.fill(Root.USER, records, users, times, before=before)
        self.fill(Root.QUERY, records, queries, times, before=before)

    def fill_candidates(self, records: Records, items: Ints, times: Ints, before: Ints | None = None) -> None:
        """Write the live item statistics into the fields of their names; see ``items``."""
        self.fill(Root.ITEM, records, items, times, before=before)

    def chains(self, root: Root, hashes: Ints, groups: Ints) -> Chains:
        """Look objects up that go by several hashes; see ``Chains.find``."""
        return Chains.find(self._place(root)[0], hashes, groups)

    def _place(self, root: Root) -> tuple[Ints, int]:
        """Return where the traces of a root are, for kernels, and the address of that."""
        if root not in self._places:
            found = places([part.traces[root] for part in self.parts if root in part.traces])
            self._places[root] = found, address(found)
        return self._places[root]

    def fill(  # noqa: PLR0913 - two of them are rare
        self,
        root: Root,
        records: Records,
        hashes: Ints,
        times: Ints,
        *,
        chains: Chains | None = None,
        before: Ints | None = None,
    ) -> None:
        """Write the statistics of objects of one root into the fields of their names.

        Args:
            root: Users, queries or items.
            records: Shape (n,), dense; changed.
            hashes: Of the objects, (n,); 0: no object.
            times: Microseconds since 1970 UTC, (n,).
            chains: What to read for each object; None: what this history holds under its hash.
            before: Only events known before this count, (n,); None: all that ``times`` allow.

        Raises:
            DataError: When a field has another form than the statistic.
            ValueError: When the arrays differ in length or the records are a strided view.
        """
        known = self._bound.get((id(records.dtype), root))
        readers = known[1] if known is not None else self._bind(records.dtype, root)
        if not readers:
            return
        count = len(records)
        if len(hashes) != count or len(times) != count or not records.flags.c_contiguous:
            raise ValueError(f"{len(hashes)} objects and {len(times)} times for {count} records, which must be dense")
        place, where = self._place(root)
        longest = int(place[0]) if chains is None else chains.longest
        questions = np.empty(
            4 * count + 1 + count * longest if chains is None else 3 * count + len(chains.words), np.int64
        )
        asked, start, out = questions[: 3 * count].reshape(count, 3), address(questions), address(records)
        asked[:, 0], asked[:, 1], asked[:, 2] = hashes, times, ALWAYS if before is None else before
        if chains is None:
            compiled(find_chains)(count, start, where)
        else:
            questions[3 * count :] = chains.words
        for read in readers:
            read(count, start, longest, out)

    def _bind(self, kind: np.dtype[Any], root: Root) -> list[Read]:
        readings = [
            Reading.of(item, statistic, self.series[SeriesKey.of(item, statistic)])
            for item, statistic in statistics_of(self.inputs)
            if item.root is root
        ]
        readers = [read for reading in readings if (read := reading.bind(kind)) is not None]
        if len(self._bound) >= _MOST_LAYOUTS:
            self._bound.clear()
        self._bound[id(kind), root] = (kind, readers)  # the layout is kept so that its id stays its own
        return readers

    def write(self, folder: Path) -> None:
        """Write a history of one part into a folder that is made if need be; ``open`` reads it back.

        Raises:
            ValueError: When there are other parts beside the first.
        """
        (part,) = self.parts
        folder.mkdir(parents=True, exist_ok=True)
        for root, traces in part.traces.items():
            traces.write(folder, root)
        series = [asdict(key) | {"number": number} for key, number in self.series.items()]
        manifest = {"format": FORMAT, "events": part.events, "series": series}
        (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def open(cls, folder: Path, source: FeatureSet | Iterable[Input]) -> History:
        """Map what ``write`` wrote; windows, refreshes, priors and limits are those of ``source``.

        Raises:
            NotFoundError: When the folder holds no history.
            DataError: When a statistic needs events that were not kept.
        """
        manifest = _read_manifest(folder)
        inputs = _counted(source)
        numbers = {_key(entry): int(entry["number"]) for entry in manifest["series"]}
        for item, statistic in statistics_of(inputs):
            if SeriesKey.of(item, statistic) not in numbers:
                raise DataError(f"{folder} keeps no events for it; rebuild the snapshot", field=item.name)
        traces = {root: Traces.open(folder, root) for root in {key.root for key in numbers}}
        return cls(inputs, numbers, (Part(int(manifest["events"]), traces),))


def _read_manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotFoundError(f"no history in {folder}; build a snapshot with 'searchrank index'") from None
    except ValueError as error:
        raise DataError(f"{folder / 'manifest.json'} is damaged: {error}; rebuild the snapshot") from None
    if manifest.get("format") != FORMAT:
        raise DataError(f"{folder} is not a history of format {FORMAT}; rebuild the snapshot")
    return manifest


def _counted(source: FeatureSet | Iterable[Input]) -> tuple[Input, ...]:
    inputs = source.inputs.values() if isinstance(source, FeatureSet) else source
    return tuple(i for i in inputs if i.statistic is not None)


def _key(entry: dict[str, Any]) -> SeriesKey:
    words = {name: entry[name] for name in ("event", "over", "by", "totals")}
    return SeriesKey(root=Root(entry["root"]), **words)
