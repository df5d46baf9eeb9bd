from __future__ import annotations

import pytest

from recall import RecallConfig
from recall.indexes.manifest import index_name
from searchrank.errors import ConfigError

WHOLE = {
    "lexical": {"fields": {"item.title": 2.0, "item.text": 1}, "quota": 150},
    "item_to_item": {"events": ["rating"], "min_value": 4.0, "neighbours": 400, "history": 200, "quota": 50},
    "popular": {"events": ["click"], "window": "7d", "quota": 50},
}


def test_a_whole_section_is_read():
    config = RecallConfig.parse(WHOLE)
    assert list(config.branches) == ["lexical", "item_to_item", "popular"]
    assert config.quotas == {"lexical": 150, "item_to_item": 50, "popular": 50}
    assert config.popular is not None
    assert config.popular.window_us == 7 * 86_400 * 1_000_000


def test_a_branch_that_is_not_named_is_not_run():
    assert list(RecallConfig.parse({"popular": {}}).branches) == ["popular"]
    assert RecallConfig.parse({}).branches == {}


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"lexcal": {}}, r"recall: unknown key 'lexcal'; did you mean lexical\?"),
        ({"zzz": {}}, r"known keys: lexical, dense, item_to_item, session, preference, geo, popular"),
        ({"popular": {"qouta": 3}}, r"popular: unknown key 'qouta'; did you mean quota\?"),
        ({"popular": {"quota": 0}}, r"popular.quota: .* greater than 0"),
        ({"popular": {"quota": "5"}}, r"popular.quota: .* valid integer"),
        ({"popular": {"quota": True}}, r"popular.quota: .* valid integer"),
        ({"popular": {"window": "a week"}}, r"popular.window: .*'a week' is not a duration"),
        ({"popular": {"events": []}}, r"popular.events: .* at least 1"),
        ({"popular": None, "lexical": {}}, r"lexical.fields: Field required"),
        ({"lexical": {"fields": {}}}, r"lexical.fields: .* at least 1"),
        ({"lexical": {"fields": {"item.title": -1.0}}}, r"lexical.fields.item.title: .* greater than or equal to 0"),
        ({"lexical": {"fields": {"item.title": 1e30}}}, r"lexical.fields.item.title: .* less than or equal to 1000"),
        ({"lexical": {"fields": {"item.title": float("nan")}}}, r"lexical.fields.item.title: .* finite"),
        ({"popular": {"min_value": float("inf")}}, r"popular.min_value: .* finite"),
        ({"popular": 7}, r"popular: "),
    ],
)
def test_a_mistake_is_named_with_its_place(section: dict[str, object], message: str):
    with pytest.raises(ConfigError, match=message):
        RecallConfig.parse(section)


def test_every_mistake_is_listed():
    with pytest.raises(ConfigError, match=r"popular\.quota: .*; popular\.window: "):
        RecallConfig.parse({"popular": {"quota": 0, "window": "x"}})


def test_the_message_says_where_the_section_stands():
    with pytest.raises(ConfigError, match=r"^surfaces\.places\.recall: "):
        RecallConfig.parse({"lexcal": {}}, field="surfaces.places.recall")


def names(section: dict[str, object]) -> set[str]:
    return {index_name(name, part.recipe) for name, part in RecallConfig.parse(section).branches.items()}


def test_what_only_matters_when_searching_needs_no_other_index():
    other = {
        "lexical": {"fields": {"item.text": 5.0, "item.title": 1.0}, "quota": 1},
        "item_to_item": WHOLE["item_to_item"] | {"history": 3, "quota": 1},
        "popular": WHOLE["popular"] | {"quota": 1},
    }
    assert names(WHOLE) == names(other)


@pytest.mark.parametrize(
    ("branch", "change"),
    [
        ("lexical", {"fields": {"item.title": 2.0}}),
        ("item_to_item", {"neighbours": 10}),
        ("item_to_item", {"min_value": 3.0}),
        ("item_to_item", {"events": ["click"]}),
        ("popular", {"window": "8d"}),
        ("popular", {"events": ["order"]}),
    ],
)
def test_what_matters_when_building_needs_another_index(branch: str, change: dict[str, object]):
    assert len(names(WHOLE) - names(WHOLE | {branch: WHOLE[branch] | change})) == 1
