"""LightGBM parameters: read from any of three notations, aliases resolved, mistakes named."""

import pytest

from searchrank.errors import ConfigError, NotFoundError
from trainer.parameters import EXAMPLE, merge, read_parameters


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("p.yaml", "num_trees: 7\nlearning_rate: 0.5\n"),
        ("p.json", '{"num_trees": 7, "learning_rate": 0.5}'),
        ("p.conf", "# ours\nnum_trees = 7\n\nlearning_rate = 0.5  # fast\n"),
        ("p.txt", "num_trees = 7\nlearning_rate = 0.5\n"),
    ],
)
def test_three_notations_say_the_same(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text)
    assert read_parameters(path) == {"num_iterations": 7, "learning_rate": 0.5}


def test_what_a_conf_says_of_files_and_machines_is_left_out(tmp_path):
    path = tmp_path / "train.conf"
    path.write_text("task = train\ndata = rank.train\nvalid_data = rank.test\nmlist = m.txt\nnum_leaves = 5\n")
    assert read_parameters(path) == {"num_leaves": 5}


def test_an_empty_file_changes_nothing(tmp_path):
    path = tmp_path / "p.yaml"
    path.write_text("")
    assert read_parameters(path) == {}


def test_an_alias_overrides_the_default_it_means():
    merged = merge(EXAMPLE, {"n_estimators": 3, "min_data": 9})
    assert merged["num_iterations"] == 3
    assert merged["min_data_in_leaf"] == 9
    assert "n_estimators" not in merged


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"num_leavs": 3}, "no parameter 'num_leavs'; did you mean: num_leaves"),
        ({"num_trees": 3, "num_round": 4}, "another name of 'num_iterations'"),
        ({"num_leaves": {"a": 1}}, "no value of a parameter"),
        ({"objective": "regression"}, "does not rank"),
    ],
)
def test_a_mistaken_parameter_is_named(chosen, message):
    with pytest.raises(ConfigError) as error:
        merge(EXAMPLE, chosen)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("p.conf", "num_leaves = 3\nnum_leaves 4\n", "p.conf:2"),
        ("p.json", "{", "p.json"),
        ("p.yaml", "a: [", "p.yaml"),
        ("p.yaml", "- 3\n", "p.yaml:1"),
    ],
)
def test_an_unreadable_file_is_named(tmp_path, name, text, message):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(ConfigError) as error:
        read_parameters(path)
    assert message in str(error.value)


def test_a_missing_file_is_not_found(tmp_path):
    with pytest.raises(NotFoundError, match="no parameter file"):
        read_parameters(tmp_path / "absent")
