"""Several models' scores made into one by an expression: ``0.7*click + 0.3*order*log1p(price)``.

To the request path it is a scorer like any other. Its plan computes the columns of all its models, what they share
once, and the parts of the expression that read no score; the rest is computed from the scores in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from searchrank.errors import DataError
from searchrank.features import FeatureSet, Kind, Plan
from searchrank.features.inputs import Input
from searchrank.features.language import Origin, parse_expression
from searchrank.features.model_call import difference
from searchrank.features.node import Call, Constant, InputNode, Node, ScoreNode
from searchrank.models.double import DOUBLE, Doubles
from searchrank.models.pair_scorer import FloatScorer, PairScorer
from searchrank.models.release import Release
from searchrank.models.scorer import check_columns

__all__ = ["Blend", "parse_blend"]

_LINEAR: Final = {"add", "subtract", "negate"}


def parse_blend(text: str, names: Mapping[str, ScoreNode], feature_set: FeatureSet, *, source: str) -> Node:
    """Parse a blend.

    Args:
        text: As written.
        names: What the names of scores mean.
        feature_set: What all other names mean.
        source: What an error calls the text.

    Raises:
        error: A ``DefinitionError`` that points at what is outside the language, unknown, of the wrong kind or not
            allowed of scores.
    """
    origin = Origin(source, 1, 1, text)
    taken = next((name for name in names if name in feature_set.features), None)
    if taken is not None:
        raise origin.error(f"{taken} names a score and a feature; call the score otherwise")

    def resolve(name: str) -> Node | None:
        if name in names:
            return names[name]
        feature, declared = feature_set.features.get(name), feature_set.inputs.get(name)
        return feature.node if feature else _input(declared)

    reads = _Reads(names)
    known = [*names, *feature_set.features, *feature_set.inputs]
    node = parse_expression(origin, resolve, known, refuse=reads.refused)
    if node.kind is not Kind.NUMBER:
        raise origin.error(f"a score is a number, this is a {node.kind}")
    if not reads.of(node):
        raise origin.error("this reads no score", hint=f"scores are {', '.join(names)}")
    return node


def _input(declared: Input | None) -> Node | None:
    return None if declared is None else InputNode.of(declared)


class _Reads:
    """Which values are computed from scores; a feature that is itself a model's score is a feature."""

    def __init__(self, names: Mapping[str, ScoreNode]) -> None:
        self._known = {node.key: True for node in names.values()}

    def of(self, node: Node) -> bool:
        """Whether a graph reads a score by its name."""
        if node.key not in self._known:
            self._known[node.key] = isinstance(node, Call) and any(self.of(one) for one in node.operands)
        return self._known[node.key]

    def refused(self, call: Call) -> str:
        """Return why a call is not allowed; empty when it is."""
        if not self.of(call) or call.operator.name in DOUBLE:
            return ""
        return f"{call.operator.name} is computed of features alone; of scores, {', '.join(DOUBLE)}"


@dataclass(frozen=True, slots=True)
class _Step:
    function: Callable[..., Doubles]
    operands: tuple[int, ...]
    literals: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class _Part:
    """One model: its release and where its columns lie."""

    release: Release
    start: int
    stop: int


@dataclass(frozen=True, slots=True, eq=False)
class Blend:
    """A scorer over the columns of ``plan``; see ``Scorer``.

    Attributes:
        text: The expression.
        plan: Computes the columns: first those of the first release, then the others', then what the expression reads.
        releases: Every release by the name of its score; the first is the surface's own.
    """

    text: str
    plan: Plan
    releases: Mapping[str, Release]
    _parts: tuple[_Part, ...]
    _features: slice
    _constants: tuple[float, ...]
    _steps: tuple[_Step, ...]
    _is_linear: bool

    @classmethod
    def compile(cls, text: str, releases: Mapping[str, Release], *, source: str = "blend") -> Blend:
        """Compile a blend.

        Args:
            text: The expression; names are those of scores, or features and inputs of the first release.
            releases: Releases by the name of their score; the first one's definitions are those of the blend.
            source: What an error calls the text.

        Raises:
            DefinitionError: As ``parse_blend``.
            DataError: When a release reads an input that the first one's definitions declare otherwise.
        """
        first = next(iter(releases.values()))
        _check_inputs(releases, first.feature_set)
        names = {name: ScoreNode.of(name, f"{name}:{release.digest}", release) for name, release in releases.items()}
        node = parse_blend(text, names, first.feature_set, source=source)
        return _Compiler(names).compile(text, node, releases)

    @property
    def pair_scorer(self) -> PairScorer:
        """Gives the same scores with what was prepared of each item."""
        return FloatScorer(self, self.plan.item_only, len(self.plan.columns))

    def score(self, columns: npt.NDArray[np.float32], trees: int | None = None) -> Doubles:
        """Score all rows; see ``Scorer``."""
        check_columns(columns, len(self.plan.columns))
        scores = [part.release.scorer.score(columns[part.start : part.stop], trees) for part in self._parts]
        return self._blended(scores, columns)

    def _blended(self, scores: list[Doubles], columns: npt.NDArray[np.float32]) -> Doubles:
        values: list[Doubles] = [*scores, *columns[self._features].astype(np.float64)]
        values += [np.full(columns.shape[1], constant) for constant in self._constants]
        with np.errstate(all="ignore"):
            for step in self._steps:
                values.append(step.function(*(values[place] for place in step.operands), *step.literals))
        result = values[-1] if self._steps else values[0]
        return np.where(np.isnan(result), np.nan, result)

    def contributions(self, columns: npt.NDArray[np.float32], row: int) -> Doubles | None:
        """Say what each column added; None when the expression is not a sum of scores times something without scores.

        A model's columns add what they add to its score, times what the expression multiplies it by. The remainder is
        what the features of the expression added, to equal parts, or without any the score before anything is known.

        Raises:
            DataError: When there is no such row.
        """
        check_columns(columns, len(self.plan.columns))
        if not 0 <= row < columns.shape[1]:
            raise DataError(f"row {row} does not exist, there are {columns.shape[1]}")
        if not self._is_linear:
            return None
        one = np.ascontiguousarray(columns[:, row : row + 1])
        nothing = [np.zeros(1) for _ in self._parts]
        remainder = float(self._blended(nothing, one)[0])
        result = np.zeros(len(columns) + 1)
        start = remainder
        for number, part in enumerate(self._parts):
            weight = float(self._blended([*nothing[:number], np.ones(1), *nothing[number + 1 :]], one)[0]) - start
            told = part.release.scorer.contributions(one[part.start : part.stop], 0)
            if told is None:
                return None
            result[part.start : part.stop] += weight * told[:-1]
            remainder += weight * float(told[-1])
        count = self._features.stop - self._features.start
        if count:
            result[self._features] = remainder / count
        else:
            result[-1] = remainder
        return result


def _check_inputs(releases: Mapping[str, Release], feature_set: FeatureSet) -> None:
    """Refuse releases that were trained with other declarations.

    Raises:
        DataError: When one reads an input that is declared otherwise.
    """
    first = next(iter(releases))
    for name, release in releases.items():
        problem = difference(release.columns, lambda item: _input(feature_set.inputs.get(item)))
        if problem:
            problem = problem.replace("here", f"in the release that {first} is the score of")
            raise DataError(
                f"release {release.name} {release.version} {problem}; train both with one feature file",
                field=f"blend.models.{name}",
            )


class _Compiler:
    """Cuts an expression where scores begin: below, columns of a plan; above, steps over float64 columns."""

    def __init__(self, names: Mapping[str, ScoreNode]) -> None:
        self._names = {node.key: name for name, node in names.items()}
        self._reads = _Reads(names)
        self._scores: dict[str, int] = {}
        self._columns: dict[str, Node] = {}
        self._constants: dict[str, float] = {}
        self._calls: dict[str, Call] = {}

    def compile(self, text: str, node: Node, releases: Mapping[str, Release]) -> Blend:
        self._collect(node)
        used = [self._names[key] for key in self._scores]
        columns: dict[str, Node] = {}
        places: dict[str, tuple[int, int]] = {}
        for number, (name, release) in enumerate(releases.items()):
            if number and name not in used:
                continue
            prefix = f"{name}." if number else ""
            start = len(columns)
            nodes = zip(release.plan.columns, release.columns, strict=True)
            columns |= {f"{prefix}{column}": one for column, one in nodes}
            places[name] = (start, len(columns))
        start = len(columns)
        columns |= {f"blend.{number}": one for number, one in enumerate(self._columns.values())}
        first = next(iter(releases.values()))
        return Blend(
            text,
            Plan.of_nodes(first.feature_set, columns),
            releases,
            tuple(_Part(releases[name], *places[name]) for name in used),
            slice(start, len(columns)),
            tuple(self._constants.values()),
            tuple(self._steps()),
            self._is_linear(node),
        )

    def _collect(self, node: Node) -> None:
        """Note every value that is computed once, operands before what reads them."""
        if node.key in self._names:
            self._scores.setdefault(node.key, len(self._scores))
        elif not self._reads.of(node):
            if isinstance(node, Constant):
                self._constants[node.key] = float(node.value)
            else:
                self._columns[node.key] = node
        elif isinstance(node, Call) and node.key not in self._calls:
            for operand in node.operands:
                self._collect(operand)
            self._calls[node.key] = node

    def _steps(self) -> list[_Step]:
        order = [*self._scores, *self._columns, *self._constants, *self._calls]
        places = {key: place for place, key in enumerate(order)}
        return [
            _Step(
                DOUBLE[call.operator.name],
                tuple(places[operand.key] for operand in call.operands),
                tuple(float(value) for value in call.prepared),
            )
            for call in self._calls.values()
        ]

    def _is_linear(self, node: Node) -> bool:
        reads = [operand for operand in node.operands if self._reads.of(operand)]
        if node.key in self._names or not isinstance(node, Call) or not reads:
            return True
        name = node.operator.name
        alone = len(reads) == 1 and (name == "multiply" or (name == "divide" and reads[0] is node.operands[0]))
        return (name in _LINEAR or alone) and all(self._is_linear(operand) for operand in reads)
