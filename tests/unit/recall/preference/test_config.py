from __future__ import annotations

import logging

import numpy as np
import pyarrow as pa
import pytest

from recall import IndexSources, RecallConfig
from recall.preference.kind import PREFERENCE
from searchrank.errors import ConfigError
from searchrank.features import FeatureSet
from searchrank.features.history import EventColumns

FEATURES = FeatureSet.parse("""
inputs:
  item.kind:   {type: category}
  item.price:  {type: float}
  item.tags:   {type: list}
  user.kinds:  {type: map, count: click, by: item.kind}
  user.likes:  {type: list}
  user.since:  {type: time}
  user.recent_items: {type: list, of: item_id, last: click}
features:
  price: item.price * 1
""")


def section(**settings: object):
    found = RecallConfig.parse({"preference": settings}).preference
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, r"preference.tags: Field required"),
        ({"tags": {}}, r"preference.tags: .* at least 1"),
        ({"tags": {"item.kind": {}}}, r"preference: nothing says what is liked"),
        ({"tags": {"item.kind": {"user.kinds": 0.0}}}, r"greater than 0"),
        ({"tags": {"item.kind": {"user.kinds": {"half_life": "3d"}}}}, r"half_life and as_of need each other"),
        ({"tags": {"item.kind": {"user.kinds": {"wieght": 1.0}}}}, r"did you mean weight\?"),
        ({"tags": {"item.kind": {"user.kinds": {"half_life": "x", "as_of": "user.since"}}}}, r"not a duration"),
        ({"tags": {"item.kind": {}}, "recent": {"half_life": 0.0}}, r"preference.recent.half_life: .* greater than 0"),
    ],
)
def test_a_mistake_is_named_with_its_place(settings: dict[str, object], message: str):
    with pytest.raises(ConfigError, match=message):
        section(**settings)


def sources() -> IndexSources:
    events = EventColumns.from_batches([])
    return IndexSources(inputs=FEATURES.inputs, items=pa.table({}), events=events, catalogue=None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"tags": {"item.knid": {"user.kinds": 1.0}}}, r"recall.preference.tags: 'item.knid'.* did you mean item.kind"),
        (
            {"tags": {"item.price": {"user.kinds": 1.0}}},
            r"'item.price' is not a category, list, tokens or map of the it",
        ),
        ({"tags": {"item.kind": {"item.tags": 1.0}}}, r"'item.tags' is not a category, .* of the request"),
        ({"tags": {"item.tags": {"user.kinds": 1.0}}}, r"user.kinds is counted by item.kind, not by item.tags"),
        (
            {"tags": {"item.kind": {"user.likes": {"half_life": "3d", "as_of": "user.likes"}}}},
            r"recall.preference.tags.item.kind.user.likes.as_of: 'user.likes' is not a time of the request",
        ),
        ({"tags": {"item.kind": {}}, "recent": {"input": "user.recent"}}, r"recent.input: 'user.recent' is not a list"),
    ],
)
def test_what_is_not_declared_is_refused_before_anything_is_built(settings: dict[str, object], message: str):
    with pytest.raises(ConfigError, match=message):
        PREFERENCE.check(section(**settings), sources())


def test_events_that_never_happened_are_a_warning(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING):
        PREFERENCE.check(section(tags={"item.kind": {"user.kinds": 1.0}}), sources())
    assert "the number of events in preference will be empty: it counts click, order" in caplog.text


def test_it_reads_of_a_request_what_it_names():
    tags = {"item.kind": {"user.kinds": 1.0, "user.likes": {"half_life": "3d", "as_of": "user.since"}}}
    found = section(tags=tags, recent={})
    assert found.inputs == ("user.kinds", "user.likes", "user.since")
    assert found.lists == ("user.recent_items",)


def test_profiles_and_weights_need_no_other_index():
    one = section(tags={"item.kind": {"user.kinds": 1.0}}, quota=3)
    other = section(tags={"item.kind": {"user.likes": 2.0}}, recent={}, most=3)
    assert one.recipe == other.recipe
    assert one.recipe != section(tags={"item.tags": {"user.likes": 1.0}}).recipe
    assert one.recipe != section(tags={"item.kind": {"user.kinds": 1.0}}, window="7d").recipe


def test_tags_are_read_in_one_order_however_they_are_written():
    names = {"item.tags": {"user.likes": 1.0}, "item.kind": {"user.kinds": 1.0}}
    assert list(section(tags=names).likings) == ["item.kind", "item.tags"]
    assert np.all([one.weight == 1.0 for likings in section(tags=names).likings.values() for one in likings.values()])
