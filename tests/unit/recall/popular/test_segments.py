from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recall import IndexSources, PopularBranch, PopularConfig, Query, RecallConfig
from recall.interaction import Interactions
from recall.popular.branch import build_popular
from recall.popular.kind import POPULAR
from searchrank.errors import ConfigError, DataError
from searchrank.features import FeatureSet
from searchrank.features.history import EventColumns
from searchrank.features.text import hash_text

HOUR = 3_600_000_000
CITY, KIND = {"item.city": "request.city"}, {"item.kind": "request.kind"}
FEATURES = FeatureSet.parse("""
inputs:
  item.city:    {type: category}
  item.kind:    {type: category}
  item.price:   {type: float}
  request.city: {type: category}
  request.kind: {type: category}
features:
  price: item.price * 1
""")
CITIES = ["bern", "bern", "bonn", "bonn", "bern", None]
KINDS = ["tea", "pot", "tea", "pot", "tea", "tea"]
# item, hour of the day: item 2 has five events, 0 three, 3 and 1 two, 4 one, 5 two
HAPPENED = [(2, 8)] * 5 + [(0, 8)] * 2 + [(0, 20)] + [(3, 20)] * 2 + [(1, 20)] * 2 + [(4, 20)] + [(5, 8)] * 2


def interactions(happened: list[tuple[int, int]], size: int) -> Interactions:
    count = len(happened)
    nothing = np.zeros(count, np.int64)
    events = EventColumns(
        kinds=("click",),
        kind=np.zeros(count, np.int32),
        known_time=np.array([hour * HOUR for _, hour in happened], np.int64),
        user=nothing,
        item=nothing,
        query=nothing,
        value=np.full(count, np.nan),
    )
    return Interactions(events, np.array([item for item, _ in happened], np.int64), size)


def records(cities: list[str | None], kinds: list[str | None]) -> np.ndarray:
    made = np.zeros(len(cities), [("item.city", "<i8"), ("item.kind", "<i8")])
    for name, values in (("item.city", cities), ("item.kind", kinds)):
        made[name] = [0 if value is None else hash_text(value) for value in values]
    return made


def opened(folder: Path, happened=HAPPENED, cities=CITIES, kinds=KINDS, **written) -> PopularBranch:
    config = PopularConfig(**written)
    folder.mkdir(exist_ok=True)
    build_popular(folder, config, interactions(happened, len(cities)), records(cities, kinds))
    return PopularBranch.open(folder, config)


def asked(hour: int = 0, **values: str) -> Query:
    return Query(given={f"request.{name}": hash_text(value) for name, value in values.items()}, time=hour * HOUR)


def test_items_of_the_segment_come_first_and_all_others_after_them(tmp_path: Path):
    branch = opened(tmp_path, by=CITY)
    assert branch.retrieve(asked(city="bern"), 10).rows.tolist() == [0, 1, 4, 2, 3, 5]
    assert branch.retrieve(asked(city="bonn"), 3).rows.tolist() == [2, 3, 0]


def test_a_narrower_segment_is_given_up_before_a_wider_one(tmp_path: Path):
    branch = opened(tmp_path, by=CITY | KIND)
    assert branch.retrieve(asked(city="bern", kind="pot"), 10).rows.tolist() == [1, 0, 4, 2, 3, 5]


def test_somebody_of_whom_nothing_is_known_gets_what_is_popular_everywhere(tmp_path: Path):
    branch = opened(tmp_path, by=CITY | KIND)
    everywhere = [2, 0, 1, 3, 5, 4]
    assert branch.retrieve(Query(), 10).rows.tolist() == everywhere
    assert branch.retrieve(asked(city="oslo"), 10).rows.tolist() == everywhere


def test_a_missing_value_of_the_item_is_no_segment(tmp_path: Path):
    branch = opened(tmp_path, by=CITY)
    missing = Query(given={"request.city": np.int64(0)})
    assert branch.retrieve(missing, 10).rows.tolist() == branch.retrieve(Query(), 10).rows.tolist()


def test_what_is_popular_at_this_hour_of_the_zone_comes_first(tmp_path: Path):
    utc = opened(tmp_path / "utc", hours={"zone": "UTC", "width": 6})
    assert utc.retrieve(asked(hour=9), 10).rows.tolist() == [2, 0, 5, 1, 3, 4]
    assert utc.retrieve(asked(hour=48 + 23), 3).rows.tolist() == [1, 3, 0]
    east = opened(tmp_path / "east", hours={"zone": "Asia/Shanghai", "width": 6})  # 8 is 16 there, and 20 is 4
    assert east.retrieve(asked(hour=21), 3).rows.tolist() == [1, 3, 0]
    assert east.retrieve(asked(hour=9), 3).rows.tolist() == [2, 0, 5]


@settings(max_examples=60, deadline=None)
@given(
    items=st.lists(st.tuples(st.sampled_from(["a", "b", None]), st.sampled_from(["x", "y"])), min_size=1, max_size=12),
    data=st.data(),
)
def test_it_equals_a_linear_scan(tmp_path_factory: pytest.TempPathFactory, items: list[tuple], data: st.DataObject):
    happened = data.draw(st.lists(st.tuples(st.integers(0, len(items) - 1), st.integers(0, 23)), max_size=40))
    hour, limit = data.draw(st.integers(0, 23)), data.draw(st.integers(1, 14))
    cities, kinds = map(list, zip(*items, strict=True))
    written = {"by": CITY | KIND, "hours": {"zone": "UTC", "width": 8}}
    branch = opened(tmp_path_factory.mktemp("i"), happened, cities, kinds, **written)

    def key(item: int) -> tuple[int, int, int]:
        times = [at // 8 for one, at in happened if one == item]
        here, both = times.count(hour // 8), items[item] == ("a", "x")
        if both and here:
            return -3, -here, item
        return -2 if both else -1 if items[item][0] == "a" else 0, -len(times), item

    expected = sorted({item for item, _ in happened}, key=key)[:limit]
    assert branch.retrieve(asked(hour, city="a", kind="x"), limit).rows.tolist() == expected


def test_excluded_and_refused_items_make_room_for_the_next(tmp_path: Path):
    branch = opened(tmp_path, by=CITY)
    query = asked(city="bern")
    allowed = np.array([True, True, True, False, True, True])
    found = branch.retrieve(Query(given=query.given, exclude=np.array([0]), allowed=allowed), 4)
    assert found.rows.tolist() == [1, 4, 2, 5]


def test_an_index_without_its_segments_says_how_to_mend_it(tmp_path: Path):
    opened(tmp_path, by=CITY)
    (tmp_path / "values.npy").write_bytes(b"")
    with pytest.raises(DataError, match="searchrank index"):
        PopularBranch.open(tmp_path, PopularConfig(by=CITY))


def test_without_segments_the_index_is_what_it_was():
    assert PopularConfig().recipe.keys() == {"events", "min_value", "window_us"}
    assert PopularConfig(by=CITY).recipe != PopularConfig().recipe


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ({"hours": {"zone": "Mars/Base"}}, r"'Mars/Base' is not a time zone such as"),
        ({"hours": {"zone": ""}}, r"'' is not a time zone"),
        ({"hours": {"zone": "UTC", "width": 5}}, r"popular.hours.width"),
        ({"by": {"item.ctiy": "request.city"}}, r"recall.popular.by: 'item.ctiy' .* did you mean item.city"),
        ({"by": {"item.price": "request.city"}}, r"'item.price' is not a category of the item"),
        ({"by": {"item.city": "item.kind"}}, r"recall.popular.by.item.city: 'item.kind' is not a category of the req"),
    ],
)
def test_a_mistake_is_named_with_its_place(written: dict[str, object], message: str):
    events = EventColumns.from_batches([])
    sources = IndexSources(inputs=FEATURES.inputs, items=pa.table({}), events=events, catalogue=None)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=message):
        POPULAR.check(RecallConfig.parse({"popular": written}).popular, sources)
