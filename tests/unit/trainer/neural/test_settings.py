"""What may be said of a network."""

import pytest

from searchrank.errors import ConfigError
from searchrank.project import ModelSpec
from trainer.learnt import with_parameters
from trainer.neural import settings_of


def test_what_is_not_said_holds_by_default():
    assert settings_of({}).hidden == (64, 32)
    assert settings_of({"hidden": [5]}).hidden == (5,)


def test_an_unknown_name_is_refused_with_a_suggestion():
    with pytest.raises(ConfigError, match="no parameter 'learnin_rate'; did you mean: learning_rate"):
        settings_of({"learnin_rate": 0.1})


@pytest.mark.parametrize(
    "wrong",
    [{"hidden": []}, {"hidden": [0]}, {"dropout": 1.0}, {"learning_rate": float("nan")}, {"activation": "tanh"}],
)
def test_a_value_out_of_range_names_the_parameter(wrong):
    with pytest.raises(ConfigError) as caught:
        settings_of(wrong)
    assert str(caught.value.field).startswith(f"params.{next(iter(wrong))}")


def test_parameters_of_forests_are_not_given_to_networks():
    spec = ModelSpec(inputs=["a"], kind="mlp", params={"epochs": 3})
    assert with_parameters(spec, {}) is spec
    with pytest.raises(ConfigError, match="LightGBM's parameters and the model is mlp"):
        with_parameters(spec, {"num_leaves": 3})
    assert with_parameters(ModelSpec(inputs=["a"]), {"num_leaves": 3}).params == {"num_leaves": 3}
