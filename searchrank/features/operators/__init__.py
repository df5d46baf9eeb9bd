"""The operators, one family a file. Importing this package registers all of them in ``OPERATORS``.

An output column never overlaps an operand's.
"""

from searchrank.features.operators import (
    arithmetic,
    bucketing,
    collections,
    comparison,
    elementary,
    geo,
    hashing,
    missing,
    ratio,
    text,
    time,
    transforms,
    trigonometry,
    vectors,
)

__all__ = [
    "arithmetic",
    "bucketing",
    "collections",
    "comparison",
    "elementary",
    "geo",
    "hashing",
    "missing",
    "ratio",
    "text",
    "time",
    "transforms",
    "trigonometry",
    "vectors",
]
