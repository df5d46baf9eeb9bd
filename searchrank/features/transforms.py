"""Model inputs: a feature and the ordered transforms between it and one model, with their fitted state.

Written ``distance_km | clip(0, 50) | bucketize(16)``. Two models may transform one feature differently; the state is
stored in the release, never in the feature. Transforms run in the same kernels as operators.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from searchrank.errors import DefinitionError
from searchrank.features.definitions import FeatureSet
from searchrank.features.inputs import Kind
from searchrank.features.language import Origin, nearest, parse_tree
from searchrank.features.node import Call, Node
from searchrank.features.operator import OPERATORS, Literal

__all__ = ["FittedInput", "ModelInput", "Transform", "fit"]

Values = npt.NDArray[Any]
Step = tuple[str, tuple[Literal, ...]]

RARE_CODE: Final = 2.0


@dataclass(frozen=True, slots=True)
class Transform:
    """One transform as written.

    Attributes:
        name: Its word.
        arguments: Its numbers, defaults filled in.
    """

    name: str
    arguments: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ModelInput:
    """A feature and its transforms, not fitted yet.

    Attributes:
        feature: Name of the feature.
        transforms: Applied left to right.
    """

    feature: str
    transforms: tuple[Transform, ...]

    @classmethod
    def parse(cls, text: str, feature_set: FeatureSet, *, source: str = "project.yaml") -> ModelInput:
        """Parse ``feature | transform(…) | …``.

        Raises:
            DefinitionError: When a name is unknown or the result is not a number.
        """
        origin = Origin(source, 1, 1, text)
        tree, calls = parse_tree(origin), []
        while isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.BitOr):
            calls.append(_parse_transform(origin, tree.right))
            tree = tree.left
        if not isinstance(tree, ast.Name):
            raise origin.error("a model input starts with the name of a feature", tree)
        if tree.id not in feature_set.features:
            raise origin.error(f"unknown feature {tree.id}", tree, nearest(tree.id, feature_set.features))
        result = cls(tree.id, tuple(reversed(calls)))
        result._check(origin, feature_set.features[tree.id].kind)
        return result

    @property
    def is_categorical(self) -> bool:
        """Whether the model should treat the values as codes without order."""
        return bool(self.transforms) and self.transforms[-1].name == "vocabulary"

    def _check(self, origin: Origin, kind: Kind) -> None:
        for transform in self.transforms:
            takes = _TRANSFORMS[transform.name].takes
            if kind is not takes:
                raise origin.error(f"{transform.name} takes a {takes}, {self.feature} is a {kind} here")
            kind = Kind.NUMBER
        if kind is not Kind.NUMBER:
            raise origin.error(f"{self.feature} is a {kind}; a model takes numbers", None, "try | vocabulary(5)")


@dataclass(frozen=True, slots=True)
class FittedInput:
    """A feature and the operators, with their parameters, that make it one model column.

    Attributes:
        feature: Name of the feature.
        column: Name of the model column, unique within a model.
        steps: Operator name and parameters, applied left to right.
        categorical: Whether the values are codes without order.
    """

    feature: str
    column: str
    steps: tuple[Step, ...]
    categorical: bool = False

    def node(self, feature_set: FeatureSet) -> Node:
        """Return the graph that computes the column.

        Raises:
            DefinitionError: When the feature or an operator does not exist or does not fit.
        """
        if self.feature not in feature_set.features:
            raise DefinitionError(f"model column {self.column} needs feature {self.feature}, which is not defined")
        node = feature_set.features[self.feature].node
        for name, literals in self.steps:
            found = next((s for s in OPERATORS.get(name, ()) if s.operands == (node.kind,)), None)
            if found is None:
                raise DefinitionError(f"model column {self.column}: no transform {name} of a {node.kind}")
            try:
                node = Call.of(found, (node,), literals)
            except (ValueError, TypeError) as error:
                raise DefinitionError(f"model column {self.column}: {name}: {error}") from None
        return node

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        steps = [{"operator": name, "parameters": list(literals)} for name, literals in self.steps]
        return {
            "feature": self.feature,
            "column": self.column,
            "steps": steps,
            "categorical": self.categorical,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> FittedInput:
        """Return the input that ``to_json`` wrote.

        Raises:
            DefinitionError: When a part is missing or of the wrong type.
        """
        try:
            steps = tuple(
                (str(s["operator"]), tuple(tuple(p) if isinstance(p, list) else p for p in s["parameters"]))
                for s in value["steps"]
            )
            return cls(str(value["feature"]), str(value["column"]), steps, bool(value["categorical"]))
        except (KeyError, TypeError) as error:
            raise DefinitionError(f"a fitted model input is damaged: {error!r}") from None


def fit(
    inputs: Sequence[ModelInput], evaluate: Callable[[Sequence[FittedInput]], Mapping[str, Values]]
) -> tuple[FittedInput, ...]:
    """Fit every transform, left to right, on values computed by the runtime itself.

    Args:
        inputs: What the model takes.
        evaluate: Gives the training values of partly fitted inputs by column: float32 ``(n,)``, or int64 hashes for a
            feature that is still a category.

    Returns:
        The fitted inputs, in order, with unique column names.
    """
    fitted = [FittedInput(i.feature, name, ()) for i, name in zip(inputs, _columns(inputs), strict=True)]
    for depth in range(max((len(i.transforms) for i in inputs), default=0)):
        due = [k for k, i in enumerate(inputs) if len(i.transforms) > depth]
        values = evaluate([fitted[k] for k in due])
        for k in due:
            transform, before = inputs[k].transforms[depth], fitted[k]
            steps = _TRANSFORMS[transform.name].fit(values[before.column], *transform.arguments)
            fitted[k] = FittedInput(before.feature, before.column, (*before.steps, *steps), inputs[k].is_categorical)
    return tuple(fitted)


def _columns(inputs: Sequence[ModelInput]) -> list[str]:
    features = {item.feature for item in inputs}
    names: list[str] = []
    for item in inputs:
        numbered = (f"{item.feature}_{number}" for number in itertools.count(2))
        free = (name for name in numbered if name not in features and name not in names)
        names.append(next(free) if item.feature in names else item.feature)
    return names


@dataclass(frozen=True, slots=True)
class _Kind:
    takes: Kind
    parameters: tuple[tuple[str, float | None], ...]
    fit: Callable[..., tuple[Step, ...]]


def _parse_transform(origin: Origin, tree: ast.expr) -> Transform:
    name, args, keywords = _call_parts(origin, tree)
    if name not in _TRANSFORMS:
        raise origin.error(f"unknown transform {name}", tree, nearest(name, _TRANSFORMS))
    parameters = _TRANSFORMS[name].parameters
    if len(args) > len(parameters):
        raise origin.error(f"{name} takes {len(parameters)} numbers, got {len(args)}", tree)
    given = dict(zip([p for p, _ in parameters], args, strict=False)) | keywords
    unknown = set(given) - {p for p, _ in parameters}
    if unknown:
        raise origin.error(f"{name} has no parameter {min(unknown)}", tree)
    values = [given.get(p, default) for p, default in parameters]
    for (parameter, _), value in zip(parameters, values, strict=True):
        if value is None:
            raise origin.error(f"{name} needs {parameter}", tree)
        if parameter in _LEAST:
            _whole(origin, parameter, value, _LEAST[parameter])
    return Transform(name, tuple(float(v) for v in values if v is not None))


def _call_parts(origin: Origin, tree: ast.expr) -> tuple[str, list[float], dict[str, float]]:
    if isinstance(tree, ast.Name):
        return tree.id, [], {}
    if not isinstance(tree, ast.Call) or not isinstance(tree.func, ast.Name):
        raise origin.error("a transform is written name(numbers)", tree)
    keywords = {str(k.arg): _number(origin, k.value) for k in tree.keywords}
    return tree.func.id, [_number(origin, a) for a in tree.args], keywords


def _whole(origin: Origin, name: str, value: float, least: int) -> None:
    if value < least or not value.is_integer():
        raise origin.error(f"{name} is a whole number from {least}, not {value:g}")


def _number(origin: Origin, tree: ast.expr) -> float:
    try:
        value = float(ast.literal_eval(tree))
    except (ValueError, TypeError, OverflowError):
        raise origin.error("a transform takes numbers", tree) from None
    if not abs(value) <= 3.4e38:
        raise origin.error("a number must be finite and fit a float32", tree)
    return value


def _fit_clip(_values: Values, low: float, high: float) -> tuple[Step, ...]:
    return (("clip", (low, high)),)


def _fit_standardize(values: Values) -> tuple[Step, ...]:
    known = values[np.isfinite(values)].astype(np.float64)
    mean = float(known.mean()) if known.size else 0.0
    scale = float(known.std()) if known.size else 1.0
    return (("standardize", (mean, scale or 1.0)),)


def _edges(values: Values, bins: float) -> tuple[float, ...]:
    known = values[np.isfinite(values)]
    if not known.size:
        return (0.0,)  # a feature that nothing is known of yet still has a column, missing throughout
    shares = np.arange(1, int(bins)) / int(bins)
    return tuple(float(v) for v in np.unique(np.quantile(known, shares, method="inverted_cdf")))


def _fit_bucketize(values: Values, bins: float) -> tuple[Step, ...]:
    return (("bucketize", (_edges(values, bins),)),)


def _fit_quantile(values: Values, bins: float) -> tuple[Step, ...]:
    edges = _edges(values, bins)
    return (("bucketize", (edges,)), ("standardize", (0.0, float(max(1, len(edges))))))


def _fit_vocabulary(values: Values, min_count: float, limit: float) -> tuple[Step, ...]:
    keys, counts = np.unique(values[values != 0], return_counts=True)
    order = np.lexsort((keys, -counts))[: int(limit)]
    codes = np.where(counts[order] >= min_count, np.cumsum(counts[order] >= min_count) + RARE_CODE, RARE_CODE)
    by_key = np.argsort(keys[order])
    known = tuple(int(k) for k in keys[order][by_key])
    return (("vocabulary", (known, tuple(float(c) for c in codes[by_key]))),)


_LEAST: Final = {"bins": 2, "min_count": 0, "limit": 1}

_TRANSFORMS: Final[dict[str, _Kind]] = {
    "clip": _Kind(Kind.NUMBER, (("low", None), ("high", None)), _fit_clip),
    "standardize": _Kind(Kind.NUMBER, (), _fit_standardize),
    "bucketize": _Kind(Kind.NUMBER, (("bins", 16.0),), _fit_bucketize),
    "quantile": _Kind(Kind.NUMBER, (("bins", 100.0),), _fit_quantile),
    "vocabulary": _Kind(Kind.CATEGORY, (("min_count", 5.0), ("limit", 100_000.0)), _fit_vocabulary),
}
