"""A feature file that uses every registered operator in every scope, every input type and every missing policy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from searchrank.features import OPERATORS, FeatureSet, FittedInput, Kind, ModelInput, Operator

__all__ = ["definitions", "model_inputs", "operators"]

VECTOR: Final = 12
_ROOTS: Final = ("item", "request", "candidate")
_INPUTS: Final = {
    "n": "type: float",
    "m": "type: float, missing: 2.5",
    "c": "type: category",
    "d": "type: category, missing: none",
    "t": "type: time",
    "s": "type: time",
    "p": "type: point",
    "q": "type: point",
    "v": f"type: vector, size: {VECTOR}",
    "u": f"type: vector, size: {VECTOR}",
    "k": "type: tokens, limit: 6",
    "l": "type: list, of: item_id, limit: 5",
    "e": "type: list, of: item_id, limit: 5, missing: empty",
    "w": "type: map, limit: 7",
    "x": "type: map, limit: 7, missing: empty",
}
_BY_KIND: Final = {
    Kind.NUMBER: ("n", "m"),
    Kind.CATEGORY: ("c", "d"),
    Kind.TIME: ("t", "s"),
    Kind.POINT: ("p", "q"),
    Kind.VECTOR: ("v", "u"),
    Kind.LIST: ("k", "l", "e"),
    Kind.MAP: ("w", "x"),
}
_SAMPLES: Final = {
    "buckets": "1000",
    "edges": "[-1.5, 0.0, 0.25, 3.0]",
    "high": "2.0",
    "low": "-1.0",
    "prior": "0.05",
    "strength": "20",
    "zone": "'Asia/Shanghai'",
}
_EXTRA: Final = """  candidate.position: {type: float, training_only: true, serving: 1}
  session.n: {type: float}
  user.n: {type: float, missing: -3}
  query.n: {type: float}
  recall.n: {type: float}
"""


def operators() -> list[Operator]:
    """Return every signature that a definition can name, in a fixed order."""
    return [s for name in sorted(OPERATORS) for s in OPERATORS[name] if not s.fitted]


def definitions() -> FeatureSet:
    """Return the feature set: for each signature one feature an item, one a request and one a candidate."""
    inputs = [f"  {root}.{noun}: {{{text}}}" for root in _ROOTS for noun, text in _INPUTS.items()]
    features = [f'  {name}: "{text}"' for name, text in _features()]
    return FeatureSet.parse(
        "inputs:\n" + "\n".join(inputs) + "\n" + _EXTRA + "features:\n" + "\n".join(features) + "\n"
    )


def model_inputs(feature_set: FeatureSet) -> list[ModelInput]:
    """Return one model input for each feature, and numbers through every transform."""
    kinds = {name: feature.kind for name, feature in feature_set.features.items()}
    texts = [name if kind is Kind.NUMBER else f"{name} | vocabulary(2)" for name, kind in kinds.items()]
    texts += ["raw_item | standardize()", "raw_candidate | clip(-1, 2) | bucketize(8)", "raw_request | quantile(20)"]
    return [ModelInput.parse(text, feature_set) for text in texts]


def covered(inputs: tuple[FittedInput, ...], feature_set: FeatureSet) -> set[str]:
    """Return the signatures that a plan of these inputs calls."""
    found: set[str] = set()
    stack = [i.node(feature_set) for i in inputs]
    while stack:
        node = stack.pop()
        stack.extend(node.operands)
        operator = getattr(node, "operator", None)
        if operator is not None:
            found.add(operator.signature)
    return found


def _features() -> Iterator[tuple[str, str]]:
    for root in _ROOTS:
        for noun, text in _INPUTS.items():
            if "float" in text:
                yield f"raw_{root}" if noun == "n" else f"raw_{root}_{noun}", f"{root}.{noun}"
            if "category" in text:
                yield f"raw_{root}_{noun}", f"{root}.{noun}"
    others = ("candidate.position", "session.n", "user.n", "query.n", "recall.n")
    yield from (("raw_" + noun.replace(".", "_"), noun) for noun in others)
    for number, operator in enumerate(operators()):
        for scope in ("item", "request", "mixed"):
            yield f"f{number:02d}_{operator.name}_{scope}", _call(operator, scope, number)


def _call(operator: Operator, scope: str, number: int) -> str:
    roots = {"item": ("item",), "request": ("request",), "mixed": ("candidate", "item", "request")}[scope]
    words = [
        f"{roots[place % len(roots)]}.{_BY_KIND[kind][(place + number) % len(_BY_KIND[kind])]}"
        for place, kind in enumerate(operator.operands)
    ]
    words += [
        f"{parameter.name}={_SAMPLES[parameter.name]}"
        for parameter in operator.parameters
        if parameter.default is None or parameter.name in _SAMPLES
    ]
    return f"{operator.name}({', '.join(words)})"
