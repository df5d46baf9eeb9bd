"""Features, defined once as text and computed by one runtime everywhere.

Public and stable: what ``__all__`` lists. Parse a ``FeatureSet``, compile a ``Plan`` for a model's inputs, bind it to
an ``Evaluator`` and hand it ``Rows``.
"""

from searchrank.features.definitions import Feature, FeatureSet
from searchrank.features.expression import Expression
from searchrank.features.inputs import Input, InputType, Kind, Root, Statistic, StatisticKind
from searchrank.features.node import Scope
from searchrank.features.operator import OPERATORS, Operator, Parameter, operator
from searchrank.features.plan import Plan
from searchrank.features.records import Encoder, arrow_type, encode
from searchrank.features.runtime import Evaluator, Rows
from searchrank.features.text import hash_text, hash_texts, normalize, tokenize
from searchrank.features.transforms import FittedInput, ModelInput, fit

__all__ = [
    "OPERATORS",
    "Encoder",
    "Evaluator",
    "Expression",
    "Feature",
    "FeatureSet",
    "FittedInput",
    "Input",
    "InputType",
    "Kind",
    "ModelInput",
    "Operator",
    "Parameter",
    "Plan",
    "Root",
    "Rows",
    "Scope",
    "Statistic",
    "StatisticKind",
    "arrow_type",
    "encode",
    "fit",
    "hash_text",
    "hash_texts",
    "normalize",
    "operator",
    "tokenize",
]
