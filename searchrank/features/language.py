"""From text to graph: Python's expression syntax, parsed but never evaluated, every node outside the grammar refused.

::

    expression = number | "category" | root.noun | feature | operator(expression…, parameter…, name=parameter…)
               | model("name@alias")
               | a + b | a - b | a * b | a / b | a ** b | -a | a < b (… <= > >= == !=) | a < b < c
               | a in [constant, …] | a in list | a not in … | a and b | a or b | not a
    parameter  = number | "text" | [number, …]
"""

from __future__ import annotations

import ast
import difflib
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from searchrank.errors import DefinitionError
from searchrank.features import operators as _families  # noqa: F401  (registers the operators)
from searchrank.features.model_call import ModelSource, model_node, nowhere
from searchrank.features.node import Call, Constant, Node
from searchrank.features.operator import OPERATORS, Literal, Operator

__all__ = ["MAX_DEPTH", "MAX_LENGTH", "Origin", "nearest", "parse_expression", "parse_tree"]

MAX_LENGTH: Final = 4_096
MAX_DEPTH: Final = 64
MAX_CHAIN: Final = 16

_BINARY: Final[dict[type[ast.operator], str]] = {
    ast.Add: "add",
    ast.Sub: "subtract",
    ast.Mult: "multiply",
    ast.Div: "divide",
    ast.Pow: "pow",
}
_COMPARE: Final[dict[type[ast.cmpop], str]] = {
    ast.Lt: "less",
    ast.LtE: "less_equal",
    ast.Gt: "greater",
    ast.GtE: "greater_equal",
    ast.Eq: "equal",
    ast.NotEq: "not_equal",
}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an expression was written, so that an error can point at it.

    Attributes:
        source: File name.
        line: 1-based line of the expression's first character.
        column: 1-based column of it.
        text: The expression.
    """

    source: str
    line: int
    column: int
    text: str

    def error(self, message: str, at: ast.AST | None = None, hint: str = "") -> DefinitionError:
        """Return an error that points at a part of this expression."""
        lines = self.text.splitlines() or [""]
        number = min(getattr(at, "lineno", 1), len(lines)) - 1
        shown = lines[number]
        offset = len(shown.encode()[: getattr(at, "col_offset", 0)].decode(errors="ignore"))
        column = offset + (self.column if number == 0 else 1)
        left = max(0, offset - 60)
        window = shown[left : left + 100]
        error = DefinitionError(message, source=self.source, line=self.line + number, column=column, hint="")
        caret = f"\n    {window}\n    {' ' * (offset - left)}^"
        error.args = (f"{error.args[0]}{caret}" + (f"\n  {hint}" if hint else ""),)
        return error


def nearest(word: str, known: Iterable[str]) -> str:
    """Return a hint naming the most similar known word, or an empty string."""
    found = difflib.get_close_matches(word[:80], list(known), n=1, cutoff=0.6)
    return f"did you mean {found[0]}?" if found else ""


def parse_tree(origin: Origin) -> ast.expr:
    """Parse an expression's text into Python's tree, within limits of length and depth.

    Raises:
        DefinitionError: When the text is too long, too deep or not an expression.
    """
    if len(origin.text) > MAX_LENGTH:
        raise origin.error(f"an expression has at most {MAX_LENGTH} characters, this one has {len(origin.text)}")
    try:
        tree = ast.parse(origin.text.strip(), mode="eval").body
    except SyntaxError as error:
        place = ast.Constant(value=0, lineno=error.lineno or 1, col_offset=max(0, (error.offset or 1) - 1))
        raise origin.error(f"this is not an expression: {error.msg}", place) from None
    except (ValueError, RecursionError, MemoryError):
        raise origin.error("this is not an expression: it is nested too deeply or holds a bad character") from None
    if len(origin.text) > MAX_DEPTH and _deeper_than(tree, MAX_DEPTH):  # a level takes a character at least
        raise origin.error(f"an expression is nested at most {MAX_DEPTH} deep", tree)
    if len(origin.text) > MAX_LENGTH // 8 and len(ast.unparse(tree)) > MAX_LENGTH:  # as a release will hold it
        raise origin.error(f"an expression has at most {MAX_LENGTH} characters in canonical spacing, this one has more")
    return tree


def _deeper_than(tree: ast.expr, limit: int) -> bool:
    level = [tree]
    for _ in range(limit):
        level = [child for node in level for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
        if not level:
            return False
    return True


def _anything(_call: Call) -> str:
    return ""


def parse_expression(
    origin: Origin,
    resolve: Callable[[str], Node | None],
    known: Iterable[str],
    *,
    models: ModelSource = nowhere,
    refuse: Callable[[Call], str] = _anything,
) -> Node:
    """Parse an expression into a typed graph.

    Args:
        origin: Text and place.
        resolve: Gives the node of a name (``item.price`` or a feature's), or None if there is none.
        known: All names, for suggestions.
        models: Where models are found whose scores are read; by default they are only named.
        refuse: Says why a call is not allowed here; empty when it is.

    Raises:
        DefinitionError: When anything is outside the grammar, unknown or of the wrong kind.
    """
    return _Parser(origin, resolve, known, models, refuse).node(parse_tree(origin))


@dataclass(frozen=True, slots=True)
class _Parser:
    origin: Origin
    resolve: Callable[[str], Node | None]
    known: Iterable[str]
    models: ModelSource
    refuse: Callable[[Call], str]

    def node(self, tree: ast.expr) -> Node:
        match tree:
            case ast.Constant():
                return Constant.of(self._scalar(tree))
            case ast.Name(id=name):
                return self._named(name, tree)
            case ast.Attribute(value=ast.Name(id=root), attr=noun):
                return self._named(f"{root}.{noun}", tree)
            case ast.Call(func=ast.Name(id="model")):
                return model_node(tree, self.origin, self.models, self.resolve)
            case ast.Call(func=ast.Name(id=name), args=args, keywords=keywords):
                return self._call(name, tree, args, keywords)
            case _:
                return self._symbol(tree)

    def _symbol(self, tree: ast.expr) -> Node:
        match tree:
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant() as value):
                return Constant.of(self._scalar(tree, sign=-1.0, of=value))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return self._apply("negate", tree, [self.node(operand)], {})
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return self._apply("negation", tree, [self.node(operand)], {})
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
                return self._apply(_BINARY[type(op)], tree, [self.node(left), self.node(right)], {})
            case ast.Compare(left=left, ops=ops, comparators=others):
                if len(ops) > MAX_CHAIN:
                    raise self.origin.error(f"a chain has at most {MAX_CHAIN} comparisons", tree)
                pairs = zip([left, *others], ops, others, strict=False)
                return self._fold("both", tree, [self._compared(tree, *pair) for pair in pairs])
            case ast.BoolOp(op=op, values=values):
                return self._fold("both" if isinstance(op, ast.And) else "either", tree, [self.node(v) for v in values])
            case _:
                what = type(tree).__name__.lower()
                raise self.origin.error(f"{what} is not part of the feature language", tree, _GRAMMAR_HINT)

    def _compared(self, tree: ast.expr, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Node:
        if type(op) in _COMPARE:
            return self._apply(_COMPARE[type(op)], tree, [self.node(left), self.node(right)], {})
        if not isinstance(op, ast.In | ast.NotIn):
            raise self.origin.error("is compares objects; compare values with ==", tree)
        found = self._member(tree, self.node(left), right)
        return found if isinstance(op, ast.In) else self._apply("negation", tree, [found], {})

    def _member(self, tree: ast.expr, wanted: Node, among: ast.expr) -> Node:
        """Return whether a value is one of constants written in brackets, or in a list."""
        if not isinstance(among, ast.List):
            return self._apply("contains", among, [self.node(among), wanted], {})
        if not among.elts:
            raise self.origin.error("nothing is in an empty list", among)
        members = [Constant.of(v) for v in map(self._literal, among.elts) if not isinstance(v, tuple)]
        if len(members) < len(among.elts):
            raise self.origin.error("a list in a list is not part of the feature language", among)
        return self._fold("either", tree, [self._apply("equal", tree, [wanted, member], {}) for member in members])

    def _fold(self, name: str, tree: ast.expr, nodes: list[Node]) -> Node:
        """Join any number of operands two by two, so that a long chain is not a deep graph."""
        if len(nodes) == 1:
            return nodes[0]
        half = (len(nodes) + 1) // 2
        return self._apply(name, tree, [self._fold(name, tree, nodes[:half]), self._fold(name, tree, nodes[half:])], {})

    def _named(self, name: str, tree: ast.expr) -> Node:
        node = self.resolve(name)
        if node is None:
            raise self.origin.error(f"unknown name {name}", tree, nearest(name, self.known))
        return node

    def _scalar(self, tree: ast.expr, sign: float = 1.0, of: ast.Constant | None = None) -> float | str:
        value = of.value if of is not None else getattr(tree, "value", None)
        if isinstance(value, str) and of is None:
            if len(value) > 128:
                raise self.origin.error("a string has at most 128 characters", tree)
            return value
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.origin.error(f"{value!r:.40} is not a number", tree)
        try:
            number = sign * float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number) or abs(number) > 3.4e38:
            raise self.origin.error("a number must be finite and fit a float32", tree)
        return number

    def _literal(self, tree: ast.expr) -> Literal:
        match tree:
            case ast.List(elts=elements):
                if len(elements) > 1_000:
                    raise self.origin.error("a list has at most 1,000 numbers", tree)
                values = tuple(self._literal(e) for e in elements)
                if not all(isinstance(v, float) for v in values):
                    raise self.origin.error("a list parameter holds numbers only", tree)
                return tuple(v for v in values if isinstance(v, float))
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant() as value):
                return self._scalar(tree, sign=-1.0, of=value)
            case ast.Constant():
                return self._scalar(tree)
            case _:
                raise self.origin.error("a parameter is a constant: a number, a text or a list of numbers", tree)

    def _call(self, name: str, tree: ast.expr, args: list[ast.expr], keywords: list[ast.keyword]) -> Node:
        signatures = [s for s in OPERATORS.get(name, ()) if not s.fitted]
        if not signatures:
            raise self.origin.error(f"unknown operator {name}", tree, nearest(name, [*OPERATORS, "model"]))
        count = len(signatures[0].operands)
        for argument in args:
            if isinstance(argument, ast.Starred):
                raise self.origin.error("starred arguments are not part of the feature language", argument)
        if len(args) < count:
            raise self.origin.error(f"{name} needs {count} operands, got {len(args)}", tree, signatures[0].signature)
        given: dict[str, Literal] = {}
        parameters = signatures[0].parameters
        for position, argument in enumerate(args[count:]):
            if position >= len(parameters):
                raise self.origin.error(f"too many arguments for {name}", argument, signatures[0].signature)
            given[parameters[position].name] = self._literal(argument)
        for keyword in keywords:
            self._keyword(keyword, signatures[0], given)
        return self._apply(name, tree, [self.node(a) for a in args[:count]], given)

    def _keyword(self, keyword: ast.keyword, operator: Operator, given: dict[str, Literal]) -> None:
        names = [p.name for p in operator.parameters]
        if keyword.arg is None or keyword.arg not in names:
            message = f"{operator.name} has no parameter {keyword.arg}"
            raise self.origin.error(message, keyword.value, nearest(keyword.arg or "", names) or operator.signature)
        if keyword.arg in given:
            raise self.origin.error(f"{keyword.arg} is given twice", keyword.value)
        given[keyword.arg] = self._literal(keyword.value)

    def _apply(self, name: str, tree: ast.expr, operands: list[Node], given: dict[str, Literal]) -> Node:
        kinds = tuple(n.kind for n in operands)
        found = next((s for s in OPERATORS.get(name, ()) if s.operands == kinds), None)
        if found is None:
            hint = "; ".join(s.signature for s in OPERATORS.get(name, ()))
            raise self.origin.error(f"{name} does not take ({', '.join(kinds)})", tree, hint)
        literals = [given.get(p.name, p.default) for p in found.parameters]
        for parameter, value in zip(found.parameters, literals, strict=True):
            if value is None:
                raise self.origin.error(f"{name} needs {parameter.name}=", tree, found.signature)
        try:
            made = Call.of(found, tuple(operands), tuple(v for v in literals if v is not None))
        except (ValueError, TypeError) as error:
            raise self.origin.error(f"{name}: {error}", tree, found.signature) from None
        if problem := self.refuse(made):
            raise self.origin.error(problem, tree)
        return made


_GRAMMAR_HINT: Final = (
    "write numbers, inputs (item.price), features, operator calls, + - * / **, comparisons, in, and/or/not"
)
