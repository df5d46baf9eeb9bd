"""What a configuration may say, and the words with which it is refused."""

from pathlib import Path

import pytest

from searchrank import experiments
from searchrank.errors import DefinitionError, NotFoundError
from searchrank.experiments import Experiments, Surroundings, lint
from searchrank.project import Project

GOOD = """\
surfaces:
  shop:
    page:
      salt: shop-page
      unit: user_id
      parameters:
        page_size: {type: integer, sets: limit}
        words: {type: integer, sets: recall.lexical.quota, default: 20}
        version: {type: integer, sets: release}
        banner: {type: choice, choices: [none, red], default: none}
        boost: {type: number, default: 0.5}
        title: {type: text, default: hello}
      experiments:
        longer:
          buckets: [0-1999, 3000-3999]
          share: 10%
          enabled: true
          where: {request.device: phone}
          overrides: {u1: long, 42: control}
          arms:
            control: {weight: 1}
            long: {weight: 1, set: {page_size: 30, banner: red, version: 2, boost: 1}}
        other:
          buckets: 2000-2999
          arms:
            only: {weight: 1}
"""
PROJECT = """
surfaces: {shop: {model: taste, recall: {lexical: {}, popular: {}}}}
models: {taste: {inputs: [price]}}
"""
AROUND = Surroundings(
    Project.parse(PROJECT), {"taste": (1, 2)}, {"taste": ("champion",)}, frozenset({"request.device"})
)


def faults(old, new, surroundings=AROUND):
    assert GOOD.count(old) == 1
    return lint(GOOD.replace(old, new), surroundings=surroundings)


def test_a_good_file_has_no_faults_and_says_what_it_says():
    assert lint(GOOD, surroundings=AROUND) == ()
    layer = Experiments.parse(GOOD, surroundings=AROUND).surfaces["shop"][0]
    longer = layer.experiments[0]
    assert (longer.reserved, longer.taken, longer.weight) == (3_000, 1_000, 2)
    assert longer.active() == list(range(1_000))
    assert longer.overrides == {"u1": "long", "42": "control"}
    assert layer.free == ((4_000, 9_999),)
    assert [e.taken for e in layer.experiments] == [1_000, 1_000]


def test_a_share_takes_ranges_in_the_order_written():
    text = GOOD.replace("[0-1999, 3000-3999]", "[3000-3999, 0-1999]").replace("10%", "15.5%")
    active = Experiments.parse(text).surfaces["shop"][0].experiments[0].active()
    assert active == [*range(3_000, 4_000), *range(550)]


@pytest.mark.parametrize(
    ("old", "new", "place", "words"),
    [
        ("buckets: 2000-2999", "buckets: 1500-2999", "24:20", "buckets 1500-1999 belong to longer too"),
        ("buckets: 2000-2999", "buckets: 2000-10000", "24:20", "names no buckets"),
        ("buckets: 2000-2999", "buckets: 3-2", "24:20", "names no buckets"),
        ("buckets: 2000-2999", "buckets: [5, 4-6]", "24:20", "named twice"),
        ("share: 10%", "share: 31%", "16:18", "more than the 3,000 buckets reserved"),
        ("share: 10%", "share: 10", "16:18", "is no share"),
        ("page_size: 30", "pagesize: 30", "22:37", "declares no parameter 'pagesize'"),
        ("page_size: 30", "page_size: many", "22:48", "page_size is a whole number, not 'many'"),
        ("page_size: 30", "page_size: 3000", "22:48", "from 1 to 1,000, not 3,000"),
        ("page_size: 30", "page_size: true", "22:48", "a whole number"),
        ("banner: red", "banner: blue", "22:60", "banner is one of none, red"),
        ("boost: 1", "boost: .nan", "22:84", "boost is a number"),
        ("title: {type: text, default: hello}", "title: {type: text, default: 3}", "12:38", "title is a text"),
        ("title: {type: text, default: hello}", "title: {type: text}", "12:9", "needs default:"),
        ("title: {type: text,", "title: {type: words,", "12:23", "types are number, integer, text, choice"),
        ("choices: [none, red], ", "", "10:24", "a choice needs choices:"),
        ("control: {weight: 1}", "control: {weight: -1}", "21:31", "-1 is no weight"),
        ("control: {weight: 1}", "control: {weight: 10000}", "20:11", "add up to 10,001"),
        ("u1: long", "u1: longest", "19:27", "there is no arm 'longest'"),
        ("enabled: true", "enabled: maybe", "17:20", "enabled is true or false"),
        ("        other:", "        longer:", "23:9", "'longer' stands twice"),
        ("        other:", "        Other:", "23:9", "is no name"),
        ("salt: shop-page", "salt: a.b", "4:13", "is no salt"),
        ("salt: shop-page", "sugar: shop-page", "4:7", "has no 'sugar'"),
        ("unit: user_id", "unit: device_id", "5:13", "user_id or session_id"),
        ("where: {request.device: phone}", "where: {request.device: 4}", "18:35", "quote numbers"),
        ("version: 2", "version: 7", "22:74", "no release is called 7; there are 1, 2, champion"),
        ("sets: release", "sets: model", "9:40", "cannot set 'model'"),
        ("version: {type: integer,", "version: {type: number,", "9:25", "type integer or text or choice"),
        ("sets: recall.lexical.quota", "sets: recall.dense.quota", "8:38", "recalls by no branch 'dense'"),
        ("sets: release", "sets: limit", "9:40", "page_size sets limit too"),
        ("request.device: phone", "request.color: red", "18:19", "callers send no text 'request.color'"),
        ("  shop:\n", "  plaza:\n", "2:3", "the project has no surface 'plaza'"),
    ],
)
def test_a_fault_is_named_with_its_place(old, new, place, words):
    found = faults(old, new)
    assert found
    assert f"experiments.yaml:{place}: " in str(found[0])
    assert words in str(found[0])


def test_every_fault_is_listed_once():
    text = GOOD.replace("share: 10%", "share: 99%").replace("2000-2999", "x").replace("salt: shop-page", "salt: ok")
    assert [fault.line for fault in lint(text)] == [16, 24]


def test_two_layers_share_neither_salt_nor_parameters_nor_what_they_set():
    second = "    list:\n      salt: {}\n      parameters: {{{}}}\n      experiments: {{}}\n"
    for salt, declared, words in [
        ("shop-page", "x: {type: integer, default: 1}", "the layer page has the salt"),
        ("shop-list", "boost: {type: number, default: 1}", "the layer page declares boost too"),
        ("shop-list", "x: {type: integer, sets: limit}", "page_size sets limit too"),
    ]:
        (fault,) = lint(GOOD + second.format(salt, declared), surroundings=AROUND)
        assert words in str(fault)


def test_a_unit_is_overridden_in_one_experiment_of_a_layer():
    (fault,) = faults("buckets: 2000-2999", "buckets: 2000-2999\n          overrides: {u1: only}")
    assert "'u1' is overridden in longer too" in str(fault)


@pytest.mark.parametrize(
    "text", ["", "surfaces: [", "surfaces: &a {}", "surfaces: 3", "a: {}", "- 1", "surfaces: {s: {l: 2}}"]
)
def test_what_is_no_configuration_is_refused(text):
    assert lint(text)
    with pytest.raises(DefinitionError):
        Experiments.parse(text)


def test_a_version_names_the_text():
    assert Experiments.parse(GOOD).version == Experiments.parse(GOOD).version
    assert Experiments.parse(GOOD).version != Experiments.parse(GOOD + "\n").version


def test_the_releases_that_arms_ask_for_are_told():
    assert Experiments.parse(GOOD).releases("shop") == {2}
    assert Experiments.parse(GOOD).releases("plaza") == set()


def test_a_file_that_is_not_there_or_not_text_is_told(tmp_path):
    with pytest.raises(NotFoundError, match="nothing is tried"):
        Experiments.load(tmp_path / "experiments.yaml")
    (tmp_path / "bad.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(DefinitionError, match="not UTF-8"):
        Experiments.load(tmp_path / "bad.yaml")


def test_public_names_are_all_there():
    assert all(hasattr(experiments, name) for name in experiments.__all__)


def test_the_example_of_the_guide_has_no_faults():
    guide = Path(__file__).parents[3] / "docs" / "guide" / "experiments.md"
    example = guide.read_text().split("```yaml\n")[1].split("```")[0]
    project = "surfaces: {places: {model: city, recall: {lexical: {}}}}\nmodels: {city: {inputs: [price]}}"
    assert lint(example, surroundings=Surroundings(Project.parse(project), {}, {}, frozenset({"request.device"}))) == ()
