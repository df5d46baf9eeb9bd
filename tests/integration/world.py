"""A served shop whose log and server hear of everything that can happen, for tests of what was answered."""

import json
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from predictor import pipeline
from predictor.metrics import Metrics
from predictor.query import Query, rank_request, search_request
from predictor.recording import open_log
from predictor.serving import Serving
from predictor.testing import make_shop, promote
from recall import refresh_workspace
from searchrank.events import DELETE_ITEM, DELETE_USER, LINK, PUT_ITEM, PUT_USER, EventLog, schema
from searchrank.features import FeatureSet, ModelInput, fit
from searchrank.models import ReleaseDraft, profile_columns, write_release

FEATURES = """
inputs:
  request.time: {type: time}
  request.query: {type: tokens, limit: 8}
  request.device: {type: category}
  user.age: {type: float}
  user.recent_items: {type: list, of: item_id, limit: 5, last: click}
  user.words: {type: map, limit: 32, count: click, by: item.title}
  query.clicks: {type: signal, count: click}
  item.price: {type: float}
  item.title: {type: tokens, limit: 8}
  item.clicks: {type: signal, count: click}
  item.ctr: {type: signal, rate: click, over: impression, window: 1h, prior: 0.1, strength: 10}
  candidate.eta_min: {type: float}
  recall.lexical_rank: {type: float}
  recall.score: {type: float}
features:
  price: item.price * 1
  clicks: item.clicks * 1
  ctr: item.ctr * 1
  eta: candidate.eta_min * 1
  age_price: user.age * item.price
  found_at: recall.lexical_rank * 1
  fused: recall.score * 1
  recent: size(user.recent_items)
  words: map_mean(user.words)
  wanted: query.clicks * 1
  match: token_overlap(request.query, item.title)
  hour: hour_of_day(request.time)
  phone: request.device == "phone"
"""
COLUMNS = tuple(line.split(":")[0].strip() for line in FEATURES.split("features:")[1].strip().splitlines())
PROJECT = """
surfaces:
  shop:
    model: taste
    budget_ms: 2000
    limit: 10
    candidates: 30
    recall:
      lexical: {fields: {item.title: 1.0}, quota: 20}
      popular: {events: [click], quota: 20}
models:
  taste:
    inputs: [price, clicks, ctr, age_price, recent, match]
    labels: {click: 1}
    attribution: 1h
    popularity: item.clicks
    params: {num_iterations: 20, min_data_in_leaf: 5}
"""


def make_world(root):
    """Make a shop with inputs of every origin, whose scores depend on all of them."""
    workspace = make_shop(root, project=PROJECT)
    workspace.features.write_text(FEATURES)
    features = FeatureSet.load(workspace.features)
    with EventLog.open(workspace.events, writable=True, schema=schema(features)) as events:
        events.append(
            happened([("click", {"user_id": f"u{k % 3}", "item_id": f"i{k}"}) for k in range(9)], 0, features)
        )
    refresh_workspace(workspace)
    promote(workspace, make_release(workspace, np.linspace(-1.0, 1.0, len(COLUMNS))))
    return workspace


def make_release(workspace, weights):
    """Write a release of a world's model with these weights and return its folder."""
    features = FeatureSet.load(workspace.features)
    inputs = fit([ModelInput.parse(name, features) for name in COLUMNS], lambda _fitted: {})
    draft = ReleaseDraft(
        name="taste",
        feature_set=features,
        inputs=inputs,
        model=json.dumps({"weights": list(weights)}),
        scorer="linear",
        golden=pa.table({"item.price": [1.0, None]}),
        profile=profile_columns(COLUMNS, np.ones((len(COLUMNS), 4), np.float32)),
    )
    return write_release(workspace.releases, draft)


def happened(told, first, features):
    """Return events that happen now, in order."""
    rows = [
        {"event_id": f"e{first + k}", "kind": kind, "event_time": datetime.now(UTC), **values}
        for k, (kind, values) in enumerate(told)
    ]
    names = dict.fromkeys(name for row in rows for name in row)
    return pa.Table.from_pylist(rows, pa.schema([schema(features).field(name) for name in names]))


class World:
    """A served shop and the log that it follows."""

    def __init__(self, workspace):
        self.workspace = workspace
        self.features = FeatureSet.load(workspace.features)
        self.events = EventLog.open(workspace.events, writable=True, schema=schema(self.features))
        self.serving = Serving(workspace)
        self.serving.load()
        self.log = open_log(workspace, Metrics(), 1.0)
        self.rng = np.random.default_rng(0)
        self.told = []

    def close(self):
        self.log.close()
        self.serving.close()
        self.events.close()

    def tell(self, kind, **values):
        """Let something happen that the log hears of with the next ``hear``."""
        self.told.append((str(kind), {name.replace("__", "."): value for name, value in values.items()}))

    def hear(self):
        self.events.append(happened(self.told, self.events.end, self.features))
        self.told = []

    def follow(self):
        """Let log and server hear of everything."""
        if self.told:
            self.hear()
        self.serving.follow()

    async def search(self, query):
        surface = self.serving.surface("shop")
        return await pipeline.search(surface, search_request(query), None, self.log.offer)

    async def rank(self, query, ids, sent):
        surface = self.serving.surface("shop")
        return await pipeline.rank(surface, rank_request(query, ids, sent), None, self.log.offer)

    def happen(self):
        """Let something happen."""
        rng = self.rng
        user, other, item = f"u{rng.integers(6)}", f"u{rng.integers(6)}", f"i{rng.integers(44)}"
        kind = rng.choice(
            ["click", "impression", PUT_ITEM, DELETE_ITEM, PUT_USER, DELETE_USER, LINK],
            p=[0.35, 0.3, 0.12, 0.05, 0.1, 0.03, 0.05],
        )
        told = {
            PUT_ITEM: {"item_id": item, "item__price": float(rng.integers(50)), "item__title": f"tea number {item}"},
            DELETE_ITEM: {"item_id": item},
            PUT_USER: {"user_id": user, "user__age": float(rng.integers(80))},
            DELETE_USER: {"user_id": user},
            LINK: {"user_id": user, "linked_id": other},
        }
        if kind != LINK or user != other:
            query = str(rng.choice(["tea", "coffee"]))
            self.tell(kind, **told.get(kind, {"user_id": user, "item_id": item, "query": query}))

    async def ask(self):
        """Ask something."""
        rng = self.rng
        sent = {"user.age": 33.0} if rng.random() < 0.2 else {}
        sent |= {"request.device": rng.choice(["phone", "desk"])} if rng.random() < 0.5 else {}
        text, user = rng.choice(["tea", "coffee number 3", ""]), rng.choice(["u1", "u2", "u3", "u5", ""])
        query = Query(surface="shop", user_id=str(user), text=str(text), context=sent)
        if rng.random() < 0.5:
            await self.search(query)
            return
        ids = [f"i{k}" for k in rng.integers(0, 45, rng.integers(1, 12))]
        columns = {"candidate.eta_min": [float(k) if k % 3 else None for k in range(len(ids))]}
        await self.rank(query, ids, columns if rng.random() < 0.7 else {})
