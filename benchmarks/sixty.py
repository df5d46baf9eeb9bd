"""Sixty feature definitions, as data: the feature file that says them, and rows to compute them on.

The families and their numbers are those of a typical ranking model. One value in ten is missing. ``root`` says where
the columns come from: ``candidate`` (sent with each candidate, so that nothing can be computed before) or ``item``
(in the catalogue, so that fifty of the sixty depend on the item alone).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from searchrank.features import FeatureSet, FittedInput, hash_texts

__all__ = [
    "BUCKETS",
    "CATEGORY_TEXTS",
    "CLIP",
    "DEFINITIONS",
    "EDGES",
    "STANDARD",
    "VOCABULARY",
    "WORD_TEXTS",
    "Definition",
    "Request",
    "Table",
    "draw",
    "draw_request",
    "feature_text",
    "fill",
    "fill_request",
    "fitted_text",
    "read_fitted",
    "texts_of",
]

NUMBERS: Final = 20
CATEGORIES: Final = 6
SIZE: Final = 64
WORDS: Final = 8
REQUEST_WORDS: Final = 6
MISSING: Final = 0.1
BUCKETS: Final = 1_000
CLIP: Final = (0.1, 5.0)
STANDARD: Final = (2.4, 1.8)
EDGES: Final = np.array([0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 2.5, 4, 8, 16], np.float32)
CATEGORY_TEXTS: Final = [f"c{k}" for k in range(1_000)]
WORD_TEXTS: Final = [f"w{k}" for k in range(100)]
_CATEGORY_HASHES: Final = hash_texts(CATEGORY_TEXTS)
_WORD_HASHES: Final = hash_texts(WORD_TEXTS)
_TEXTS: Final = dict(
    zip([*_CATEGORY_HASHES.tolist(), *_WORD_HASHES.tolist()], [*CATEGORY_TEXTS, *WORD_TEXTS], strict=True)
)
VOCABULARY: Final = np.sort(_CATEGORY_HASHES[::2])

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Definition:
    """One definition.

    Attributes:
        family: What is done.
        a: Which number or category it is done to.
        b: The second one of a pair.
    """

    family: str
    a: int = 0
    b: int = 0

    @property
    def is_pair(self) -> bool:
        """Whether it depends on the request too."""
        return self.family in {"request_ratio", "request_cross", "cosine", "haversine", "jaccard"}


DEFINITIONS: Final = (
    *(Definition("log1p", i) for i in range(12)),
    *(Definition("bucket", i + 4) for i in range(8)),
    *(Definition("ratio", i, i + 7) for i in range(4)),
    *(Definition("request_ratio", i + 4, i) for i in range(4)),
    *(Definition("clip", i + 10) for i in range(6)),
    *(Definition("hash", i) for i in range(6)),
    *(Definition("request_cross", i) for i in range(3)),
    *(Definition("cross", i + 3, i) for i in range(3)),
    *(Definition("vocabulary", i) for i in range(4)),
    *(Definition("standardize", i + 12) for i in range(4)),
    *(Definition("maximum", i, i + 9) for i in range(3)),
    Definition("cosine"),
    Definition("haversine"),
    Definition("jaccard"),
)

_EXPRESSIONS: Final = {
    "log1p": "log1p({a})",
    "bucket": "bucket({a}, {edges})",
    "ratio": "{a} / ({b} + 1)",
    "request_ratio": "{a} / (request.number_{j} + 1)",
    "clip": "clip({a}, {low}, {high})",
    "hash": "hash_bucket({c}, {buckets})",
    "request_cross": "hash_bucket(cross({c}, request.category), {buckets})",
    "cross": "hash_bucket(cross({c}, {d}), {buckets})",
    "vocabulary": "{c}",
    "standardize": "{a}",
    "maximum": "maximum({a}, {b})",
    "cosine": "cosine({root}.vector, request.vector)",
    "haversine": "haversine_km({root}.place, request.place)",
    "jaccard": "token_jaccard({root}.words, request.words)",
}


def feature_text(root: str, more: int = 0, low: float = CLIP[0]) -> str:
    """Return a feature file with the sixty definitions.

    Args:
        root: ``candidate`` or ``item``.
        more: Numbers of the item that are features as they are, ``item.more_00`` on.
        low: Lower bound of ``clip``; another one makes a file never seen before.
    """
    lines = ["inputs:"]
    lines += [f"  {root}.number_{k}: {{type: float}}" for k in range(NUMBERS)]
    lines += [f"  {root}.category_{k}: {{type: category}}" for k in range(CATEGORIES)]
    lines += [f"  item.more_{k}: {{type: float}}" for k in range(more)]
    lines += [f"  request.number_{k}: {{type: float}}" for k in range(4)]
    lines.append("  request.category: {type: category}")
    for owner in (root, "request"):
        lines.append(f"  {owner}.vector: {{type: vector, size: {SIZE}}}")
        lines.append(f"  {owner}.place: {{type: point}}")
        lines.append(f"  {owner}.words: {{type: tokens, limit: {WORDS}}}")
    lines.append("features:")
    for k, definition in enumerate(DEFINITIONS):
        lines.append(f"  f{k}: {_expression(root, definition, low)}")
    lines += [f"  more_{k}: item.more_{k}" for k in range(more)]
    return "\n".join(lines) + "\n"


def _expression(root: str, definition: Definition, low: float) -> str:
    return _EXPRESSIONS[definition.family].format(
        root=root,
        a=f"{root}.number_{definition.a}",
        b=f"{root}.number_{definition.b}",
        c=f"{root}.category_{definition.a}",
        d=f"{root}.category_{definition.b}",
        j=definition.b,
        edges=[float(edge) for edge in EDGES],
        low=low,
        high=CLIP[1],
        buckets=BUCKETS,
    )


def fitted_text(more: int = 0) -> str:
    """Return the fitted model inputs as a release stores them: the sixty, then ``more`` as they are."""
    codes = tuple(range(3, 3 + len(VOCABULARY)))
    steps: dict[str, Any] = {
        "vocabulary": (("vocabulary", (tuple(VOCABULARY.tolist()), codes)),),
        "standardize": (("standardize", STANDARD),),
    }
    inputs = [FittedInput(f"f{k}", f"f{k}", steps.get(d.family, ())) for k, d in enumerate(DEFINITIONS)]
    inputs += [FittedInput(f"more_{k}", f"more_{k}", ()) for k in range(more)]
    return json.dumps([fitted.to_json() for fitted in inputs])


def read_fitted(text: str) -> tuple[FittedInput, ...]:
    """Return what ``fitted_text`` wrote."""
    return tuple(FittedInput.from_json(part) for part in json.loads(text))


@dataclass(frozen=True, slots=True)
class Table:
    """The columns of n rows as numpy programs hold them.

    Attributes:
        numbers: ``(20, n)`` float32; NaN is missing.
        categories: ``(6, n)`` int64 hashes; 0 is missing.
        vectors: ``(n, 64)`` float32; NaN throughout is missing.
        places: ``(n, 2)`` float64 latitude and longitude in degrees; NaN is missing.
        words: ``(n, 8)`` int64 hashes, distinct in a row; 0 throughout is missing.
    """

    numbers: Floats
    categories: Ints
    vectors: Floats
    places: npt.NDArray[np.float64]
    words: Ints

    def __len__(self) -> int:
        return len(self.vectors)

    def part(self, start: int, stop: int) -> Table:
        """Return the rows ``start`` to ``stop``."""
        cut = slice(start, stop)
        return Table(
            self.numbers[:, cut], self.categories[:, cut], self.vectors[cut], self.places[cut], self.words[cut]
        )


@dataclass(frozen=True, slots=True)
class Request:
    """What one request brings.

    Attributes:
        numbers: ``(4,)`` float32.
        category: A hash.
        vector: ``(64,)`` float32.
        place: Latitude and longitude in degrees, ``(2,)`` float64.
        words: ``(6,)`` int64 hashes, distinct.
    """

    numbers: Floats
    category: int
    vector: Floats
    place: npt.NDArray[np.float64]
    words: Ints


def draw(rng: np.random.Generator, n: int) -> Table:
    """Draw n rows, one value in ten missing."""
    numbers = (np.abs(rng.normal(size=(NUMBERS, n))) * 3).astype(np.float32)
    numbers[rng.random(numbers.shape) < MISSING] = np.nan
    categories = _CATEGORY_HASHES[rng.integers(0, len(CATEGORY_TEXTS), (CATEGORIES, n))]
    categories[rng.random(categories.shape) < MISSING] = 0
    vectors = rng.standard_normal((n, SIZE), np.float32)
    vectors[rng.random(n) < MISSING] = np.nan
    places = np.column_stack([rng.uniform(40, 50, n), rng.uniform(-5, 10, n)])
    places[rng.random(n) < MISSING] = np.nan
    words = _WORD_HASHES[_distinct_words(rng, n, WORDS)]
    words[rng.random(n) < MISSING] = 0
    return Table(numbers, categories, vectors, places, words)


def draw_request(rng: np.random.Generator) -> Request:
    """Draw one request; nothing is missing."""
    return Request(
        (np.abs(rng.normal(size=4)) + 1).astype(np.float32),
        int(_CATEGORY_HASHES[rng.integers(0, len(CATEGORY_TEXTS))]),
        rng.standard_normal(SIZE, np.float32),
        np.array([rng.uniform(40, 50), rng.uniform(-5, 10)]),
        _WORD_HASHES[_distinct_words(rng, 1, REQUEST_WORDS)[0]],
    )


def _distinct_words(rng: np.random.Generator, n: int, count: int) -> Ints:
    """Return word numbers, distinct in each row: a start and steps of a random stride prime to their number."""
    strides = rng.choice([1, 3, 7, 9, 11, 13, 17, 19], (n, 1))
    starts = rng.integers(0, len(WORD_TEXTS), (n, 1))
    return np.asarray((starts + strides * np.arange(count)) % len(WORD_TEXTS), np.int64)


def texts_of(hashes: Ints) -> list[str | None]:
    """Return the texts of categories or words, None for a missing one."""
    return [_TEXTS.get(value) for value in hashes.tolist()]


def fill(feature_set: FeatureSet, root: str, table: Table) -> npt.NDArray[np.void]:
    """Return a table as records of the candidate or item layout, as ``encode`` would make them of the texts."""
    encoder = feature_set.item_encoder if root == "item" else feature_set.candidate_encoder
    records = encoder.missing(len(table))
    for k, numbers in enumerate(table.numbers):
        records[f"{root}.number_{k}"] = numbers
    for k, categories in enumerate(table.categories):
        records[f"{root}.category_{k}"] = categories
    records[f"{root}.vector"] = table.vectors
    records[f"{root}.place"] = table.places
    records[f"{root}.words"]["count"] = np.where(table.words[:, 0] == 0, -1, WORDS)
    records[f"{root}.words"]["values"] = table.words
    return records


def fill_request(feature_set: FeatureSet, request: Request) -> npt.NDArray[np.void]:
    """Return a request as one record of the request layout."""
    record = feature_set.request_encoder.missing()
    for k, number in enumerate(request.numbers):
        record[f"request.number_{k}"] = number
    record["request.category"] = request.category
    record["request.vector"] = request.vector
    record["request.place"] = request.place
    record["request.words"]["count"] = REQUEST_WORDS
    record["request.words"]["values"][:, :REQUEST_WORDS] = request.words
    return record
