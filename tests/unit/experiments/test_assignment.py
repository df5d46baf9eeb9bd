"""Who gets which arm: fixed, fair, stable and independent."""

import unicodedata

import numpy as np
import pytest
from scipy import stats

from searchrank.experiments import BUCKETS, Experiments, bucket, place
from searchrank.experiments.bucket import unit_bytes

UNITS = 200_000
TEXT = """
surfaces:
  shop:
    page:
      salt: {salt}
      parameters:
        page_size: {{type: integer, default: 20}}
        banner: {{type: choice, choices: [none, red], default: none}}
      experiments:
        longer:
          buckets: 0-4999
          share: {share}
          enabled: {enabled}
          where: {where}
          overrides: {overrides}
          arms:
            control: {{weight: 3}}
            long: {{weight: 1, set: {{page_size: 40}}}}
"""


def experiments(*, salt="page", share="20%", enabled="true", where="{}", overrides="{}"):
    text = TEXT.format(salt=salt, share=share, enabled=enabled, where=where, overrides=overrides)
    return Experiments.parse(text)


def members(configuration, units=UNITS):
    arms = {}
    for k in range(units):
        given = configuration.assign("shop", user_id=f"user-{k}").arms
        if given:
            arms[k] = given[0].arm
    return arms


@pytest.mark.parametrize(
    ("unit", "first", "second", "other"),
    [
        ("u1", 9805, 42, 306),
        ("42", 3761, 67, 7102),
        ("café", 533, 11, 4652),
        ("用户", 5962, 34, 5312),
        ("user-123456", 5468, 15, 6217),
    ],
)
def test_hashes_are_fixed_for_ever(unit, first, second, other):
    assert (bucket("page", unit), place("page", "longer", unit, 100), bucket("page-2", unit)) == (first, second, other)


def test_one_spelling_of_a_unit_is_hashed():
    assert bucket("page", unicodedata.normalize("NFD", "café")) == bucket("page", "café")
    assert unit_bytes("café") == "café".encode()


def test_assigning_is_the_two_hashes():
    configuration = experiments()
    for k in range(2_000):
        unit = f"user-{k}"
        given = configuration.assign("shop", user_id=unit).arms
        if bucket("page", unit) < 0.2 * BUCKETS:
            assert given[0].arm == ("control" if place("page", "longer", unit, 4) < 3 else "long")
        else:
            assert not given


def test_shares_lie_in_the_binomial_interval():
    arms = list(members(experiments()).values())
    low, high = stats.binom.interval(0.999, UNITS, 0.2)
    assert low <= len(arms) <= high
    low, high = stats.binom.interval(0.999, len(arms), 0.25)
    assert low <= arms.count("long") <= high


def test_growing_moves_nobody_who_is_in():
    small, large = members(experiments(share="10%"), 20_000), members(experiments(share="20%"), 20_000)
    assert small.items() <= large.items()
    assert len(large) > 1.8 * len(small)


def test_layers_are_independent():
    first, second = members(experiments(salt="one", share="50%")), members(experiments(salt="two", share="50%"))
    table = np.zeros((3, 3))
    for k in range(UNITS):
        table[_cell(first.get(k)), _cell(second.get(k))] += 1
    assert stats.chi2_contingency(table).pvalue > 0.001


def _cell(arm):
    return {None: 0, "control": 1, "long": 2}[arm]


def test_the_arm_does_not_depend_on_the_bucket():
    table = np.zeros((10, 2))
    for k in range(50_000):
        table[bucket("page", f"user-{k}") // 1_000, place("page", "longer", f"user-{k}", 2)] += 1
    assert stats.chi2_contingency(table).pvalue > 0.001


def test_without_an_id_defaults_apply_and_nothing_counts():
    given = experiments(share="50%").assign("shop")
    assert (given.arms, given.exposures, given.propensities) == ((), (), ())
    assert given.parameters == {"page_size": 20, "banner": "none"}


def test_an_arm_sets_what_it_names_and_leaves_the_rest():
    given = experiments(overrides="{tester: long}").assign("shop", user_id="tester")
    assert given.parameters == {"page_size": 40, "banner": "none"}
    assert given.propensities == (0.25,)


def test_an_overridden_unit_is_in_its_arm_and_not_counted():
    for unit in ("tester", "other"):
        given = experiments(share="0%", overrides="{tester: long, other: control}").assign("shop", user_id=unit)
        assert given.arms[0].overridden
        assert not given.exposures


def test_the_kill_switch_takes_everybody_out():
    killed = experiments(share="50%", enabled="false", overrides="{tester: long}")
    assert not members(killed, 1_000)
    assert not killed.assign("shop", user_id="tester").arms


def test_only_the_audience_takes_part():
    configuration = experiments(share="50%", where="{request.device: [phone, tablet]}")
    unit = next(f"user-{k}" for k in range(100) if bucket("page", f"user-{k}") < 5_000)
    assert configuration.assign("shop", user_id=unit, attributes={"request.device": "phone"}).arms
    assert not configuration.assign("shop", user_id=unit, attributes={"request.device": "desk"}).arms
    assert not configuration.assign("shop", user_id=unit).arms


def test_a_layer_of_sessions_hashes_sessions():
    text = TEXT.format(salt="page", share="50%", enabled="true", where="{}", overrides="{}")
    by_session = Experiments.parse(text.replace("salt: page", "salt: page\n      unit: session_id"))
    for k in range(200):
        expected = experiments(share="50%").assign("shop", user_id=f"s{k}")
        assert by_session.assign("shop", user_id="u", session_id=f"s{k}") == expected
    assert not by_session.assign("shop", user_id="user-1").arms


def test_a_surface_without_layers_assigns_nothing():
    assert experiments().assign("plaza", user_id="u1").arms == ()
