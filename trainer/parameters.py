"""LightGBM parameters: defaults with the words of a user over them, every alias known."""

from __future__ import annotations

import json
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

import yaml

from searchrank.errors import ConfigError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["EXAMPLE", "Parameters", "merge", "read_parameters"]

Parameters = dict[str, object]

# LightGBM's own lambdarank example (examples/lambdarank/train.conf). Its seeds are LightGBM's fixed defaults.
EXAMPLE: Final[Mapping[str, object]] = {
    "num_iterations": 100,
    "learning_rate": 0.1,
    "num_leaves": 31,
    "max_bin": 255,
    "feature_fraction": 1.0,
    "bagging_freq": 1,
    "bagging_fraction": 0.9,
    "min_data_in_leaf": 50,
    "min_sum_hessian_in_leaf": 5.0,
}

# What a LightGBM .conf says about files, processes and printing; the command line says that here.
_ELSEWHERE: Final = frozenset(
    [
        "config",
        "convert_model",
        "convert_model_language",
        "data",
        "eval_at",
        "group_column",
        "header",
        "ignore_column",
        "input_model",
        "is_provide_training_metric",
        "label_column",
        "local_listen_port",
        "machine_list_filename",
        "machines",
        "metric",
        "metric_freq",
        "num_machines",
        "output_model",
        "output_result",
        "save_binary",
        "snapshot_freq",
        "task",
        "tree_learner",
        "two_round",
        "valid",
        "verbosity",
        "weight_column",
    ]
)
_OBJECTIVES: Final = ("lambdarank", "rank_xendcg", "xendcg", "xe_ndcg", "xe_ndcg_mart", "xendcg_mart")


def read_parameters(path: Path) -> Parameters:
    """Read LightGBM parameters from YAML, JSON or LightGBM's own ``key = value`` lines.

    Returns:
        Parameters under their main names; those about files, machines and printing are left out.

    Raises:
        ConfigError: When the file is none of these.
        NotFoundError: When there is no such file.
    """
    if not path.is_file():
        raise NotFoundError(f"no parameter file {path}")
    text = path.read_text("utf-8", "replace")
    found = _conf(text, path) if path.suffix == ".conf" else _mapping(text, path)
    return {name: value for name, value in _named(found, str(path)).items() if name not in _ELSEWHERE}


def _mapping(text: str, path: Path) -> Parameters:
    """Read YAML (of which JSON is a part); what is no mapping may still be ``key = value`` lines.

    Raises:
        ConfigError: When it is neither.
    """
    try:
        found = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(f"{path}: {error}") from error
    if isinstance(found, dict):
        return {str(name): value for name, value in found.items()}
    if found is None:
        return {}
    return _conf(text, path)


def _conf(text: str, path: Path) -> Parameters:
    """Read ``key = value`` lines.

    Raises:
        ConfigError: When a line is something else.
    """
    found: Parameters = {}
    for number, line in enumerate(text.splitlines(), start=1):
        content = line.split("#", 1)[0].strip()
        name, equals, value = content.partition("=")
        if content and not (equals and name.strip() and value.strip()):
            raise ConfigError(f"{path}:{number}: {content[:60]!r} does not read 'key = value'")
        if content:
            found[name.strip()] = yaml.safe_load(value.strip())
    return found


def merge(defaults: Mapping[str, object], chosen: Mapping[str, object], source: str = "params") -> Parameters:
    """Return the defaults with what a user chose over them, every parameter under its main name.

    Raises:
        ConfigError: When one parameter is given twice under two names, or its value is no plain value.
    """
    return _named(defaults, "defaults") | _named(chosen, source)


def _named(found: Mapping[str, object], source: str) -> Parameters:
    """Return parameters under LightGBM's main names.

    Raises:
        ConfigError: When a name is unknown, two names mean one parameter, or a value is no plain value.
    """
    main = _main_names()
    named: Parameters = {}
    for name, value in found.items():
        key = main.get(name)
        if key is None:
            hint = ", ".join(get_close_matches(name, main, 1)) or "see LightGBM's Parameters page"
            raise ConfigError(f"{source}: LightGBM has no parameter {name!r}; did you mean: {hint}", field=name)
        if key == "objective" and value not in _OBJECTIVES:
            raise ConfigError(f"{source}: {value!r} does not rank; take lambdarank or rank_xendcg", field=name)
        if key in named:
            raise ConfigError(f"{source}: {name!r} is another name of {key!r}, which is given too", field=name)
        if not isinstance(value, str | int | float | bool | list):
            raise ConfigError(f"{source}: {value!r} is no value of a parameter", field=name)
        named[key] = value
    return named


def _main_names() -> dict[str, str]:
    """Return the main name of every alias LightGBM knows; its own table is the only complete one."""
    from lightgbm.basic import _ConfigAliases  # noqa: PLC0415 - heavy

    table = _ConfigAliases._get_all_param_aliases()  # noqa: SLF001 - LightGBM publishes it in no other way
    return {alias: name for name, aliases in table.items() for alias in aliases}
