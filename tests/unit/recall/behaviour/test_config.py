from __future__ import annotations

import pytest

from recall import RecallConfig
from recall.kinds import kind_of
from searchrank.errors import ConfigError


def parsed(**section: object):
    config = RecallConfig.parse({"item_to_item": section}).item_to_item
    assert config is not None
    return config


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ({"method": "sving"}, "item_to_item.method: Input should be 'cosine', 'swing' or 'ease'"),
        ({"smoothing": 2.0}, "smoothing is of method: swing, but the method is cosine"),
        ({"method": "swing", "penalty": 2.0}, "penalty is of method: ease, but the method is swing"),
        ({"method": "ease", "penalty": 0.0}, "item_to_item.penalty: Input should be greater than 0"),
        ({"method": "swing", "smoothing": -1.0}, "item_to_item.smoothing: Input should be greater than or equal to 0"),
        ({"method": "ease", "most_items": 0}, "item_to_item.most_items: Input should be greater than 0"),
    ],
)
def test_what_is_wrong_is_named(section: dict[str, object], told: str):
    with pytest.raises(ConfigError, match=told):
        parsed(**section)


def test_an_index_is_named_by_its_method_and_what_that_reads():
    cosine, swing, ease = (parsed(method=method).recipe for method in ("cosine", "swing", "ease"))
    assert cosine == {"events": ["click", "order"], "min_value": None, "neighbours": 50}
    assert swing == cosine | {"method": "swing", "smoothing": 1.0}
    assert ease == cosine | {"method": "ease", "penalty": 100.0, "most_items": 10_000}
    assert parsed(method="ease", history=3, quota=7).recipe == ease


def test_branches_that_agree_on_what_is_near_read_one_index():
    config = RecallConfig.parse({"item_to_item": {"neighbours": 7}, "session": {"neighbours": 7, "history": 3}})
    assert config.item_to_item is not None
    assert config.session is not None
    assert config.session.recipe == config.item_to_item.recipe
    assert config.session.lists == ("user.session_items",)
    assert kind_of(config.session).index == kind_of(config.item_to_item).index
