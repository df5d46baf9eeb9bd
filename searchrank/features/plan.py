"""From graphs to programs: what runs once an item, once a request and once a candidate.

A plan holds no address and is shared; ``Evaluator`` binds it to kernels and memory. Values of item and request scope
that a candidate needs are *exported*: the item program fills one packed record an item (the item block), the request
program one a request, and the candidate program reads their cells in place.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from searchrank.errors import DefinitionError
from searchrank.features.definitions import FeatureSet
from searchrank.features.inputs import Kind, cell
from searchrank.features.node import Call, Constant, InputNode, Node, Scope, ScoreNode
from searchrank.features.operator import slots_of
from searchrank.features.transforms import FittedInput

__all__ = ["Base", "Cell", "Dense", "Instruction", "Operand", "Plan", "Program"]


class Base(IntEnum):
    """Whose memory an address is relative to; set anew at each call."""

    RECORDS = 0
    """The program's own raw records."""
    ITEM_BLOCK = 1
    REQUESTS = 2
    REQUEST_EXPORTS = 3
    ITEM_ROWS = 4
    REQUEST_ROWS = 5
    OUT = 6
    SCORES = 7
    """Scores of models that features read, one float32 column each."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of each row's record: where it is and by which row numbers it is found (None: the row's own)."""

    base: Base
    offset: int
    stride: int
    rows: Base | None
    size: int


@dataclass(frozen=True, slots=True)
class Dense:
    """A column of the arena."""

    column: int


Operand = Dense | Cell


@dataclass(frozen=True, slots=True)
class Instruction:
    """One call of one kernel: a constant is filled in, an input or export gathered, an operator called.

    Attributes:
        node: What is computed.
        out: Where it goes.
        operands: Where its operands are; of a gather, the one cell.
        gathers: Whether it is read from a record.
    """

    node: Node
    out: Dense
    operands: tuple[Operand, ...]
    gathers: bool


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Program:
    """Instructions in order, and which arena columns leave, in order.

    Attributes:
        instructions: To be run in order.
        outputs: Arena column of each output.
        kinds: Kind of each output.
        copied: Names of raw inputs whose cells are copied whole into the exports, by export name.
        layout: Record type of the exports; None when the outputs form a matrix.
    """

    instructions: tuple[Instruction, ...]
    outputs: tuple[Dense, ...]
    kinds: tuple[Kind, ...]
    copied: Mapping[str, str]
    layout: Any
    columns: int


@dataclass(frozen=True)
class Plan:
    """How a model's columns are computed.

    Attributes:
        feature_set: The definitions.
        inputs: The fitted model inputs; none for a filter or an order.
        columns: Column names, in order.
        item: Program that fills the item block.
        request: Program that fills the request exports.
        candidate: Program that fills the matrix.
        scored: Models whose scores are read, each after those that it reads, with the program that fills its matrix.
        nodes: What each column computes.
    """

    feature_set: FeatureSet
    inputs: tuple[FittedInput, ...]
    columns: tuple[str, ...]
    item: Program
    request: Program
    candidate: Program
    nodes: tuple[Node, ...]
    fingerprint: str
    scored: tuple[tuple[ScoreNode, Program], ...] = ()

    @classmethod
    def compile(cls, feature_set: FeatureSet, inputs: Sequence[FittedInput]) -> Plan:
        """Compile the plan of a model.

        Raises:
            DefinitionError: When an input does not exist, or two have one column name.
        """
        names = [i.column for i in inputs]
        if len(set(names)) != len(names):
            raise DefinitionError(f"two model inputs have one column name among {names}")
        return cls.of_nodes(feature_set, {i.column: i.node(feature_set) for i in inputs}, inputs)

    @classmethod
    def of_nodes(cls, feature_set: FeatureSet, columns: Mapping[str, Node], inputs: Sequence[FittedInput] = ()) -> Plan:
        """Compile the plan of any columns, such as a filter's.

        Args:
            feature_set: The definitions.
            columns: Graphs by column name.
            inputs: The fitted model inputs that they are made of, if they are.

        Raises:
            DefinitionError: When a column is neither a number nor a category nor a time, or reads the score of a
                model that was not looked up.
        """
        for name, node in columns.items():
            if not slots_of(node.kind) == 1:
                raise DefinitionError(f"model column {name} is a {node.kind}; a column holds numbers or categories")
        nodes = list(columns.values())
        exports = _exports(nodes)
        layouts = {s: _layout(exports[s]) for s in (Scope.ITEM, Scope.REQUEST)}
        scored = _scored(nodes)
        places = {node.key: place for place, node in enumerate(scored)}
        builders = {s: _Builder(s, feature_set, layouts, places) for s in Scope}
        read = [_Builder(Scope.CANDIDATE, feature_set, layouts, places).emitting(node.operands) for node in scored]
        meaning = "\n".join(f"{name}={node.key}" for name, node in columns.items())
        return cls(
            feature_set=feature_set,
            inputs=tuple(inputs),
            columns=tuple(columns),
            item=builders[Scope.ITEM].exporting(exports[Scope.ITEM]),
            request=builders[Scope.REQUEST].exporting(exports[Scope.REQUEST]),
            candidate=builders[Scope.CANDIDATE].emitting(nodes),
            nodes=tuple(nodes),
            fingerprint=hashlib.sha256(meaning.encode()).hexdigest(),
            scored=tuple(zip(scored, read, strict=True)),
        )

    @property
    def item_block_layout(self) -> Any:
        """Record type of the item block."""
        return self.item.layout

    @cached_property
    def item_only(self) -> tuple[int, ...]:
        """Numbers of the columns that depend on the item alone, ascending."""
        return tuple(number for number, node in enumerate(self.nodes) if node.scope is Scope.ITEM)

    @cached_property
    def pairs(self) -> Program:
        """Program that fills the matrix of all other columns."""
        layouts = {Scope.ITEM: self.item.layout, Scope.REQUEST: self.request.layout}
        nodes = [node for node in self.nodes if node.scope is not Scope.ITEM]
        places = {node.key: place for place, (node, _) in enumerate(self.scored)}
        return _Builder(Scope.CANDIDATE, self.feature_set, layouts, places).emitting(nodes)

    def item_columns(self, item_block: npt.NDArray[np.void]) -> npt.NDArray[np.float32]:
        """Return the columns that depend on the item alone, as they lie in the item block.

        Args:
            item_block: Shape ``(items,)`` of ``item_block_layout``.

        Returns:
            Shape ``(len(item_only), items)``, C-contiguous.
        """
        columns = np.empty((len(self.item_only), len(item_block)), np.float32)
        for row, number in enumerate(self.item_only):
            columns[row] = item_block[self.nodes[number].key]
        return columns

    @cached_property
    def is_numeric(self) -> bool:
        """Whether every column is a number, as a model needs."""
        return all(k is Kind.NUMBER for k in self.candidate.kinds)


def _exports(nodes: Sequence[Node]) -> dict[Scope, dict[str, Node]]:
    """Return, by key, the item- and request-scope nodes that the candidate program reads."""
    found: dict[Scope, dict[str, Node]] = {Scope.ITEM: {}, Scope.REQUEST: {}}
    seen: set[str] = set()
    stack = list(reversed(nodes))
    while stack:
        node = stack.pop()
        if node.key in seen or isinstance(node, Constant):
            continue
        seen.add(node.key)
        if node.scope is Scope.CANDIDATE:
            stack.extend(reversed(node.operands))
        elif node.scope is Scope.ITEM or isinstance(node, Call):
            found[node.scope][node.key] = node  # a raw request input is read where it is
    return found


def _scored(nodes: Sequence[Node]) -> list[ScoreNode]:
    """Return the models whose scores are read, directly or by each other, a model after those that it reads.

    Raises:
        DefinitionError: When one was not looked up.
    """
    found: dict[str, ScoreNode] = {}
    seen: set[str] = set()

    def look(node: Node) -> None:
        if node.key in seen:
            return
        seen.add(node.key)
        for operand in node.operands:
            look(operand)
        if isinstance(node, ScoreNode):
            if node.model is None:
                raise DefinitionError(
                    f'model("{node.label}") was not looked up here: only what is trained or made with it as an input '
                    "carries the release that it means"
                )
            found[node.key] = node

    for node in nodes:
        look(node)
    return list(found.values())


def _layout(nodes: Mapping[str, Node]) -> Any:
    fields: list[tuple[str, Any]] = [("_pad", "<i8")]
    for key, node in nodes.items():
        wide = node.kind in {Kind.VECTOR, Kind.LIST, Kind.MAP}
        size = node.size if wide else 0
        fields.append((key, cell(node.kind, size=size, limit=size)))
    return np.dtype(fields, align=True)


@dataclass
class _Builder:
    """Builds one program; equal sub-expressions are computed once, arena columns are reused when dead."""

    scope: Scope
    feature_set: FeatureSet
    layouts: Mapping[Scope, Any]
    places: Mapping[str, int]
    instructions: list[Instruction] = field(default_factory=list)
    made: dict[str, Dense] = field(default_factory=dict)
    columns: int = 0

    def exporting(self, nodes: Mapping[str, Node]) -> Program:
        copied: dict[str, str] = {}
        computed: list[Node] = []
        for key, node in nodes.items():
            if isinstance(node, InputNode) and slots_of(node.kind) > 1:
                copied[key] = node.input.name
            else:
                computed.append(node)
        return self._program(computed, copied, self.layouts[self.scope])

    def emitting(self, nodes: Sequence[Node]) -> Program:
        return self._program(nodes, {}, None)

    def _program(self, nodes: Sequence[Node], copied: Mapping[str, str], layout: Any) -> Program:
        outputs = tuple(self._dense(n) for n in nodes)
        kinds = tuple(n.kind for n in nodes)
        instructions, columns = _reuse(self.instructions, outputs)
        placed = tuple(Dense(columns[o.column]) for o in outputs)
        width = max(columns.values(), default=-1) + 1
        return Program(tuple(instructions), placed, kinds, copied, layout, width)

    def _dense(self, node: Node) -> Dense:
        """Return the arena column of a number, category or time, adding what computes it."""
        if node.key in self.made:
            return self.made[node.key]
        own = isinstance(node, Call) and (node.scope is self.scope or self.scope is not Scope.CANDIDATE)
        gathers = not own and not isinstance(node, Constant)
        operands = (self._cell(node),) if gathers else tuple(self._operand(n) for n in node.operands)
        out = Dense(self.columns)
        self.columns += 1
        self.instructions.append(Instruction(node, out, operands, gathers))
        self.made[node.key] = out
        return out

    def _operand(self, node: Node) -> Operand:
        return self._dense(node) if slots_of(node.kind) == 1 else self._cell(node)

    def _cell(self, node: Node) -> Cell:
        """Return where a raw input, an export or a model's score lies."""
        if isinstance(node, ScoreNode):
            return Cell(Base.SCORES, 4 * self.places[node.key], 4 * len(self.places), None, 0)
        if isinstance(node, InputNode) and node.scope is self.scope:
            return self._at(self._raw(node.scope), node.input.name, Base.RECORDS, None, node.size)
        if isinstance(node, InputNode) and node.scope is Scope.REQUEST:
            return self._at(self._raw(node.scope), node.input.name, Base.REQUESTS, Base.REQUEST_ROWS, node.size)
        if node.scope is Scope.REQUEST:
            return self._at(self.layouts[node.scope], node.key, Base.REQUEST_EXPORTS, Base.REQUEST_ROWS, node.size)
        return self._at(self.layouts[Scope.ITEM], node.key, Base.ITEM_BLOCK, Base.ITEM_ROWS, node.size)

    def _raw(self, scope: Scope) -> Any:
        sets = self.feature_set
        return {
            Scope.ITEM: sets.item_layout,
            Scope.REQUEST: sets.request_layout,
            Scope.CANDIDATE: sets.candidate_layout,
        }[scope]

    @staticmethod
    def _at(layout: Any, name: str, base: Base, rows: Base | None, size: int) -> Cell:
        return Cell(base, int(layout.fields[name][1]), int(layout.itemsize), rows, size)


def _reuse(instructions: Sequence[Instruction], outputs: Sequence[Dense]) -> tuple[list[Instruction], dict[int, int]]:
    """Place virtual columns into few real ones: a column is free again after its last reader."""
    last = {o.column: k for k, i in enumerate(instructions) for o in i.operands if isinstance(o, Dense)}
    last |= {o.column: len(instructions) for o in outputs}
    free: list[int] = []
    place: dict[int, int] = {}
    result = []
    width = 0
    for k, item in enumerate(instructions):
        operands = tuple(Dense(place[o.column]) if isinstance(o, Dense) else o for o in item.operands)
        real = free.pop() if free else width
        width = max(width, real + 1)
        place[item.out.column] = real
        result.append(Instruction(item.node, Dense(real), operands, item.gathers))
        free += {place[o.column] for o in item.operands if isinstance(o, Dense) and last[o.column] == k}
    return result, place
