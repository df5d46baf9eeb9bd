"""A city whose people ask its service, in process, for a day: as it is, or with something broken."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from examples.city import CitySize
from examples.city.people import DEVICES
from examples.city.places import degrees
from examples.city.requests import draw_requests
from examples.city.size import Stream, random_stream
from examples.city.world import make_world
from examples.city.write import write_city
from examples.files import write_table
from predictor import pipeline
from predictor.drift import Drift
from predictor.serving import Serving
from recall import refresh_workspace
from searchrank.models import Ledger
from searchrank.v1 import ranking_pb2
from searchrank.workspace import Workspace
from trainer.job import Job
from trainer.train import train

__all__ = ["HOUR_US", "City", "make_city", "null_ratings", "prices_in_cents", "renamed_category"]

HOUR_US = 3_600_000_000
LATENCY_US = 20_000
_SEED = 11


def make_city(root: Path, size: CitySize, *, trees: int = 100) -> Workspace:
    """Write a city, train on all of its days, promote the release, and make a snapshot."""
    root.mkdir(parents=True, exist_ok=True)
    workspace = Workspace(root)
    write_city(workspace, size, lambda _what, _share: None)
    refresh_workspace(workspace)
    Ledger(workspace.ledger).promote(train(Job.open(workspace), parameters={"num_iterations": trees}).folder)
    return workspace


class City:
    """The service of a city and those who ask it on the day after its log ends.

    Attributes:
        surface: What serves now.
        drift: Its alarms.
    """

    def __init__(self, workspace: Workspace, size: CitySize, requests: int) -> None:
        """Load what is live and draw who asks what, from midnight to midnight."""
        self._workspace = workspace
        self._items = _read(workspace.items)
        self._world = make_world(size)
        self._asked = draw_requests(random_stream(size, Stream.DAY, size.days, _SEED), self._world, size.days, requests)
        self._places = degrees(self._asked.km).to_pylist()
        self._users, self._texts = self._world.people.ids.to_pylist(), self._world.queries.texts.to_pylist()
        self._now = 0
        self._serving = Serving(workspace)
        self._serving.load()
        self.surface = self._serving.surface("places")
        self.renew()

    def renew(self) -> None:
        """Begin with no alarm; the clock is that of the city."""
        self.drift = Drift("places", self.surface.release, clock=lambda: self._now)
        self.surface = replace(self.surface, drift=self.drift)

    def with_items(self, items: pa.Table | None) -> None:
        """Serve another catalogue, or again the city's own."""
        write_table(self._workspace.items, self._items if items is None else items)
        refresh_workspace(self._workspace)
        self._serving.load()
        self.surface = replace(self._serving.surface("places"), drift=self.drift)

    @property
    def items(self) -> pa.Table:
        """The city's own catalogue."""
        return self._items

    async def ask(self, number: int, *, skew_us: int = 0) -> None:
        """Let one request of the day be answered, sent by a caller whose clock is off by so much."""
        asked = self._asked
        sent = int(asked.time[number])
        self._now = sent + LATENCY_US
        request = ranking_pb2.SearchRequest(query=self._texts[asked.query[number]], limit=20)
        user = int(asked.user[number])
        request.user_id = self._users[user]
        request.request_time.FromMicroseconds(sent + skew_us)
        point = request.context.add(name="request.location")
        point.points.coordinates.extend(self._places[number])
        device = request.context.add(name="request.device")
        device.strings.values.append(DEVICES[int(self._world.people.device[user])])
        await pipeline.search(self.surface, request, 10.0)


def prices_in_cents(items: pa.Table) -> pa.Table:
    """Return the catalogue with prices a hundred times what they were."""
    return _with(items, "item.price", pc.multiply(items.column("item.price"), 100.0))


def renamed_category(items: pa.Table) -> pa.Table:
    """Return the catalogue with one category, of the middle by size, called something else."""
    column = items.column("item.category").cast(pa.string())
    counts = sorted(column.value_counts().to_pylist(), key=lambda one: one["counts"])
    name = counts[len(counts) // 2]["values"]
    return _with(items, "item.category", pc.if_else(pc.equal(column, name), pa.scalar(f"{name} (new)"), column))


def null_ratings(items: pa.Table) -> pa.Table:
    """Return the catalogue without the ratings of a tenth of its items."""
    column = items.column("item.rating")
    lost = np.random.default_rng(1).random(len(items)) < 0.1
    return _with(items, "item.rating", pc.if_else(pa.array(lost), pa.scalar(None, column.type), column))


def _with(items: pa.Table, name: str, column: pa.ChunkedArray) -> pa.Table:
    return items.set_column(items.column_names.index(name), name, column)


def _read(path: Path) -> pa.Table:
    with pa.OSFile(str(path)) as file, pa.ipc.open_file(file) as reader:
        return reader.read_all()
