"""Train, write, open and serve a release over every operator; plant a mutant in each and see it refused."""

from __future__ import annotations

import ctypes
import itertools
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from searchrank.errors import DefinitionError, ReleaseRefusedError
from searchrank.features import (
    OPERATORS,
    Evaluator,
    FeatureSet,
    FittedInput,
    Kind,
    ModelInput,
    Operator,
    Plan,
    Rows,
    fit,
)
from searchrank.models import Ledger, Manifest, Release, ReleaseDraft, profile_columns, write_release
from searchrank.models.golden import compute, raw_columns
from searchrank.models.manifest import FEATURES, FILES, MANIFEST, file_digest
from searchrank.models.writing import fingerprints_of
from searchrank.native import library
from searchrank.native.memory import floats_at, ints_at, words_at

lightgbm = pytest.importorskip("lightgbm")
pytestmark = [pytest.mark.integration, pytest.mark.slow]

INPUTS = """
inputs:
  item.price: {type: float, unit: CNY}
  item.rating: {type: float, missing: 3}
  item.category: {type: category, missing: other}
  item.opened: {type: time}
  item.location: {type: point}
  item.embedding: {type: vector, size: 5}
  item.title: {type: tokens, limit: 6}
  request.time: {type: time}
  request.location: {type: point}
  request.query: {type: tokens, limit: 6, missing: empty}
  user.age: {type: float}
  user.city: {type: category}
  user.embedding: {type: vector, size: 5}
  user.taste: {type: map, limit: 3}
  candidate.eta_min: {type: float}
features:
"""
OPERANDS = {
    Kind.NUMBER: ("item.price", "candidate.eta_min", "user.age"),
    Kind.CATEGORY: ("item.category", "user.city"),
    Kind.TIME: ("item.opened", "request.time"),
    Kind.POINT: ("item.location", "request.location"),
    Kind.VECTOR: ("item.embedding", "user.embedding"),
    Kind.LIST: ("item.title", "request.query"),
    Kind.MAP: ("user.taste",),
}
ROWS = 600
WORDS = ["noodles", "火锅", "café", "bar", "hot"]


def _expressions(item: Operator) -> list[str]:
    """Return ways to write an operator; one has parameters that it takes."""
    taken: dict[Kind, int] = {}
    operands = []
    for kind in item.operands:
        operands.append(OPERANDS[kind][taken.get(kind, 0)])
        taken[kind] = taken.get(kind, 0) + 1
    needed = [p for p in item.parameters if p.default is None]
    values = [("[5, 20, 50]",) if p.array else ("2", "0.5", "'Asia/Shanghai'") for p in needed]
    return [
        f"{item.name}({', '.join([*operands, *(f'{p.name}={v}' for p, v in zip(needed, given, strict=True))])})"
        for given in itertools.product(*values)
    ]


def _accepted(item: Operator) -> str:
    for expression in _expressions(item):
        try:
            FeatureSet.parse(f"{INPUTS}  x: {expression}\n")
        except DefinitionError:
            continue
        return expression
    raise AssertionError(f"no way found to write {item.signature}")


@pytest.fixture(scope="module")
def feature_set() -> FeatureSet:
    written = [o for signatures in OPERATORS.values() for o in signatures if not o.fitted]
    lines = [f"  f{k}: {_accepted(o)}\n" for k, o in enumerate(written)]
    plain = "".join(f"  p_{n.split('.')[1]}: {n}\n" for n in ("item.rating", "item.price", "item.category"))
    return FeatureSet.parse(INPUTS + "".join(lines) + plain)


@pytest.fixture(scope="module")
def raw(feature_set) -> pa.Table:
    rng = np.random.default_rng(11)

    def holed(values, kind=None):
        return pa.array([None if rng.random() < 0.15 else v for v in values], kind)

    def numbers(low, high):
        return holed(rng.uniform(low, high, ROWS).tolist())

    def texts():
        return holed([" ".join(rng.choice(WORDS, rng.integers(0, 5))) for _ in range(ROWS)])

    def times():
        return holed(rng.integers(10**15, 2 * 10**15, ROWS).tolist(), pa.int64()).cast(pa.timestamp("us", tz="UTC"))

    def points():
        return holed(rng.uniform(-60, 60, (ROWS, 2)).tolist(), pa.list_(pa.float64(), 2))

    def vectors():
        return holed(rng.normal(size=(ROWS, 5)).astype(np.float32).tolist(), pa.list_(pa.float32(), 5))

    taste = [[(w, float(rng.random())) for w in WORDS[: rng.integers(0, 4)]] for _ in range(ROWS)]
    table = pa.table(
        {
            "item.price": numbers(0, 90),
            "item.rating": numbers(1, 5),
            "item.category": holed(rng.choice(WORDS, ROWS).tolist()),
            "item.opened": times(),
            "item.location": points(),
            "item.embedding": vectors(),
            "item.title": texts(),
            "request.time": times(),
            "request.location": points(),
            "request.query": texts(),
            "user.age": numbers(0.1, 0.9),
            "user.city": holed(rng.choice(WORDS, ROWS).tolist()),
            "user.embedding": vectors(),
            "user.taste": holed(taste, pa.map_(pa.string(), pa.float32())),
            "candidate.eta_min": numbers(0, 60),
        }
    )
    return raw_columns(feature_set, table)


def _evaluate(feature_set: FeatureSet, raw: pa.Table, inputs) -> dict[str, np.ndarray]:
    evaluator = Evaluator(Plan.compile(feature_set, inputs))
    encoders = (feature_set.item_encoder, feature_set.request_encoder, feature_set.candidate_encoder)
    items, requests, candidates = (e.encode({n: raw.column(n) for n in e.inputs}, len(raw)) for e in encoders)
    block = evaluator.derive(np.concatenate([items, feature_set.item_encoder.missing()]))
    own = np.arange(len(raw), dtype=np.int64)
    return evaluator.evaluate_columns(block, Rows(own, requests, own, candidates))


@pytest.fixture(scope="module")
def inputs(feature_set, raw) -> tuple[FittedInput, ...]:
    """Every feature, numbers as they are and categories by code, and each kind of transform."""
    texts = []
    for name, feature in feature_set.features.items():
        texts.append(name if feature.kind is Kind.NUMBER else f"{name} | vocabulary(1)")
    texts += ["p_price | clip(5, 60)", "p_price | standardize", "p_price | bucketize(8)", "p_price | quantile(8)"]
    wanted = [ModelInput.parse(text, feature_set) for text in texts]
    return fit(wanted, lambda part: _evaluate(feature_set, raw, part))


@pytest.fixture(scope="module")
def draft(feature_set, raw, inputs) -> ReleaseDraft:
    """A LambdaMART model trained on the columns the runtime computed."""
    columns = _evaluate(feature_set, raw, inputs)
    matrix = np.ascontiguousarray(list(columns.values()), dtype=np.float32)
    rng = np.random.default_rng(0)
    grade = np.digitize(np.nan_to_num(columns["p_price"]) + rng.normal(size=ROWS) * 9, [30, 60])
    data = lightgbm.Dataset(matrix.T, grade, group=[20] * (ROWS // 20), feature_name=list(columns))
    parameters = {"objective": "lambdarank", "verbose": -1, "num_threads": 1, "min_data_in_leaf": 5}
    booster = lightgbm.train(parameters, data, 20)
    return ReleaseDraft(
        name="city",
        feature_set=feature_set,
        inputs=inputs,
        model=booster.model_to_string(),
        golden=raw,
        reference=booster.predict(matrix.T, raw_score=True, num_threads=1),
        profile=profile_columns(list(columns), matrix),
        metrics={"ndcg@10": 0.5},
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory, draft) -> Path:
    return write_release(tmp_path_factory.mktemp("releases"), draft)


def _used(release: Release) -> list[Operator]:
    programs = (release.plan.item, release.plan.request, release.plan.candidate)
    found = {
        id(i.node.operator): i.node.operator for p in programs for i in p.instructions if hasattr(i.node, "operator")
    }
    return list(found.values())


def test_a_trained_release_scores_as_the_training_library_does(folder, draft):
    release = Release.open(folder)
    outcome = compute(draft.golden, release.evaluator, release.scorer)
    assert outcome.scores.tobytes() == draft.reference.tobytes()
    assert np.unique(outcome.scores).size > 100


def test_the_release_covers_every_operator(folder):
    names = {(o.name, o.operands) for o in _used(Release.open(folder))}
    assert names == {(o.name, o.operands) for signatures in OPERATORS.values() for o in signatures}


def test_explanations_of_served_rows_add_up(folder, draft):
    release = Release.open(folder)
    outcome = compute(draft.golden, release.evaluator, release.scorer)
    for row in range(0, ROWS, 50):
        parts = release.scorer.contributions(outcome.features, row)
        assert abs(parts.sum() - outcome.scores[row]) <= 1e-9


class _Mutant:
    """A kernel that computes as another does, then changes the last bit of one known value in the block."""

    _CALL = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)

    def __init__(self, item: Operator) -> None:
        self._genuine = self._CALL(library().address(item.function))
        self._number = item.result is Kind.NUMBER
        self._callback = self._CALL(self._run)
        self.address = ctypes.cast(self._callback, ctypes.c_void_p).value

    def _run(self, result, nothing, rows, operands) -> int:
        self._genuine(result, nothing, rows, operands)
        out = int(ints_at(operands, 2)[1])
        known = ~np.isnan(floats_at(out, rows)) if self._number else np.ones(rows, dtype=bool)
        if known.any():
            bits = words_at(out, rows) if self._number else ints_at(out, rows)
            bits[np.flatnonzero(known)[0]] ^= 1
        return 0


def test_a_mutant_of_one_bit_in_any_operator_is_refused(folder):
    kernels = library()
    survivors, messages = [], []
    for item in _used(Release.open(folder)):
        mutant = _Mutant(item)

        def address_of(other, item=item, mutant=mutant):
            return mutant.address if other is item else kernels.address(other.function)

        try:
            Release.open(folder, address_of=address_of)
            survivors.append(item.signature)
        except ReleaseRefusedError as refusal:
            messages.append(str(refusal))
    assert survivors == []
    assert [m for m in messages if not re.search(r"column '\w+' of golden row \d+ is .*, was .*", m)] == []


def _forge(folder: Path, target: Path, text: str) -> Path:
    """Copy a release with another feature file, every digest and fingerprint made to agree."""
    target.mkdir()
    for name in FILES:
        (target / name).write_bytes((folder / name).read_bytes())
    (target / FEATURES).write_text(text)
    inputs_text = (target / "inputs.json").read_text()
    inputs = tuple(FittedInput.from_json(i) for i in json.loads(inputs_text))
    plan = Plan.compile(FeatureSet.parse(text), inputs)
    manifest = Manifest.read(folder)
    files = {name: file_digest(target / name) for name in FILES}
    sealed = replace(manifest, files=files, fingerprints=fingerprints_of(plan, inputs_text))
    (target / MANIFEST).write_text(sealed.to_text())
    return target


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("missing: 3.0", "missing: 3.0000002"),
        ("missing: other", "missing: others"),
        ("missing: empty\n", "\n"),
    ],
)
def test_a_mutant_of_a_missing_policy_is_refused(folder, tmp_path, before, after):
    text = (folder / FEATURES).read_text()
    assert before in text
    Release.open(_forge(folder, tmp_path / "same", text))
    with pytest.raises(ReleaseRefusedError, match="of golden row"):
        Release.open(_forge(folder, tmp_path / "forged", text.replace(before, after)))


def test_what_was_promoted_opens_from_the_ledger(tmp_path, draft):
    ledger = Ledger(tmp_path / "ledger.jsonl")
    first = write_release(tmp_path / "releases", draft)
    second = write_release(tmp_path / "releases", draft)
    ledger.promote(first)
    ledger.promote(second, author="ann")
    assert Release.open(ledger.folder(ledger.live("city"))).version == 2
    ledger.rollback("city")
    assert Release.open(ledger.folder(ledger.live("city"))).version == 1
