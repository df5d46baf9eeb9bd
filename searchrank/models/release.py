"""Opening a release is proving it: files, definitions and golden rows, to the bit, or it is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from searchrank.errors import InvalidInputError, ReleaseRefusedError
from searchrank.features import Evaluator, FeatureSet, FittedInput, Operator, Plan, Rows
from searchrank.features.model_call import ModelCall
from searchrank.features.node import Node
from searchrank.models.effort import EFFORT, EffortCurve
from searchrank.models.environment import difference, environment
from searchrank.models.golden import Outcome, golden_pairs, score_pairs
from searchrank.models.kinds import model_file, parse_scorer, tolerance
from searchrank.models.manifest import FEATURES, FILES, GOLDEN, INPUTS, MODEL, Manifest, file_digest
from searchrank.models.pair_scorer import PairScorer, pair_scorer
from searchrank.models.scorer import Scorer
from searchrank.models.writing import fingerprints_of

__all__ = ["Release"]

Number = np.float32 | np.float64


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Release:
    """A release that has proved itself in this process.

    Attributes:
        folder: Where it lies.
        manifest: Its ``release.json``.
        feature_set: Its definitions.
        plan: Computes its columns; shared between threads.
        evaluator: The plan bound to memory of its own: one thread's. Make an ``Evaluator(release.plan)`` for another.
        scorer: Gives scores; shared between threads.
        pair_scorer: Gives the same scores with what was prepared of each item; shared between threads.
        effort: What less work would cost; None: not measured, as in releases of before it was.
    """

    folder: Path
    manifest: Manifest
    feature_set: FeatureSet
    plan: Plan
    evaluator: Evaluator
    scorer: Scorer
    pair_scorer: PairScorer
    effort: EffortCurve | None = None

    @property
    def name(self) -> str:
        """Name of the model."""
        return self.manifest.name

    @property
    def version(self) -> int:
        """Version under that name."""
        return self.manifest.version

    @property
    def digest(self) -> str:
        """SHA-256 of the whole release."""
        return self.manifest.digest

    @property
    def columns(self) -> tuple[Node, ...]:
        """The graphs of its columns, in order, so that an expression may read its score."""
        return tuple(item.node(self.feature_set) for item in self.plan.inputs)

    def score(self, columns: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Score rows of its columns, as an expression that reads its score does."""
        return self.scorer.score(columns)

    def golden(self) -> tuple[npt.NDArray[np.void], Rows]:
        """Return its golden rows as an item block and pairs, each with an item and a request of its own."""
        return golden_pairs(_golden(self.folder), self.evaluator)

    @classmethod
    def open(cls, folder: Path, *, address_of: Callable[[Operator], int] | None = None) -> Release:
        """Load a release and recompute its golden rows.

        Args:
            folder: The release's folder.
            address_of: Gives the machine address of an operator, for the release's evaluator; None takes the compiled
                kernels.

        Raises:
            NotFoundError: When there is no release in the folder.
            ReleaseRefusedError: When a file was changed or is missing, the definitions mean something else here, a
                release whose score it reads is missing or refused, or a bit of a golden feature or score differs; names
                the first and both environments.
        """
        manifest = Manifest.read(folder)
        _check_files(folder, manifest)
        try:
            release = cls._load(folder, manifest, address_of)
            table = _golden(folder)
            expected = Outcome.read(table, len(release.plan.columns))
            block, rows = golden_pairs(table, release.evaluator)
            found = Outcome.of(block, rows, release.evaluator, release.scorer)
            paired = score_pairs(block, rows, release.evaluator, release.pair_scorer)
        except (InvalidInputError, pa.ArrowInvalid, KeyError, ValueError, TypeError) as error:
            raise ReleaseRefusedError(f"{_label(manifest)} cannot be read here: {error}") from error
        _compare(release, expected, found)
        _compare_scores(release, "the score with prepared items", expected, paired)
        return release

    @classmethod
    def _load(cls, folder: Path, manifest: Manifest, address_of: Callable[[Operator], int] | None) -> Release:
        feature_set = FeatureSet.load(folder / FEATURES, models=lambda call: _other(folder, manifest, call))
        inputs_text = (folder / INPUTS).read_text(encoding="utf-8")
        plan = Plan.compile(feature_set, tuple(FittedInput.from_json(i) for i in json.loads(inputs_text)))
        here = fingerprints_of(plan, inputs_text)
        for part, value in here.items():
            if manifest.fingerprints.get(part) != value:
                raise ReleaseRefusedError(
                    f"{_label(manifest)}: its {part} mean something else here (fingerprint {value[:12]}, was "
                    f"{str(manifest.fingerprints.get(part))[:12]}): definitions or operators changed; train again. "
                    + _environments(manifest)
                )
        if plan.columns != manifest.columns:
            raise ReleaseRefusedError(f"{_label(manifest)}: its plan has other columns than release.json names")
        scorer = parse_scorer(manifest.scorer, (folder / model_file(manifest.scorer)).read_bytes(), plan.columns)
        pairs = pair_scorer(scorer, plan.item_only, len(plan.columns))
        effort = EffortCurve.parse((folder / EFFORT).read_text(encoding="utf-8")) if EFFORT in manifest.files else None
        return cls(folder, manifest, feature_set, plan, Evaluator(plan, address_of=address_of), scorer, pairs, effort)


def _golden(folder: Path) -> pa.Table:
    with pa.OSFile(str(folder / GOLDEN)) as file, pa.ipc.open_file(file) as reader:
        return reader.read_all()


def _other(folder: Path, manifest: Manifest, call: ModelCall) -> Release:
    """Return the release whose score another one reads; it lies beside it, under its own model's name.

    Raises:
        ReleaseRefusedError: When it is not there, or is refused itself.
    """
    model = folder.resolve().parent.parent / call.name
    for found in sorted(model.glob(f"*-{call.digest[:12]}")):
        other = Release.open(found)
        if other.digest == call.digest:
            return other
    raise ReleaseRefusedError(
        f"{_label(manifest)} reads the score of {call.label}, whose release {call.digest[:12]} is not in {model}; "
        "fetch it too"
    )


def _check_files(folder: Path, manifest: Manifest) -> None:
    """Compare every file with its digest.

    Raises:
        ReleaseRefusedError: When one is missing or was changed.
    """
    needed = (model_file(manifest.scorer) if name == MODEL else name for name in FILES)
    for name in dict.fromkeys((*needed, *manifest.files)):
        try:
            digest = file_digest(folder / name)
        except OSError as error:
            raise ReleaseRefusedError(f"{_label(manifest)}: {name} cannot be read: {error.strerror}") from error
        if manifest.files.get(name) != digest:
            raise ReleaseRefusedError(
                f"{_label(manifest)}: {name} was changed (SHA-256 {digest[:12]}, was "
                f"{str(manifest.files.get(name))[:12]}); fetch the release again"
            )


def _compare(release: Release, expected: Outcome, found: Outcome) -> None:
    """Compare golden rows to the bit.

    Raises:
        ReleaseRefusedError: At the first difference.
    """
    columns = expected.features.view(np.uint32) != found.features.view(np.uint32)
    if not columns.any():
        _compare_scores(release, "the score", expected, found.scores)
        return
    column, row = (int(i) for i in np.argwhere(columns)[0])
    name = f"column {release.plan.columns[column]!r}"
    pair = (expected.features[column, row], found.features[column, row])
    count = f"{int(columns.sum())} features differ in {expected.scores.size} rows"
    raise ReleaseRefusedError(_difference(release, f"{name} of golden row {row}", pair, count))


def _compare_scores(release: Release, name: str, expected: Outcome, found: npt.NDArray[np.float64]) -> None:
    """Compare golden scores: to the bit, or as closely as scores of its kind come again.

    Raises:
        ReleaseRefusedError: At the first difference.
    """
    allowed = tolerance(release.manifest.scorer)
    same = expected.scores.view(np.uint64) == found.view(np.uint64)
    if allowed:
        same |= np.isclose(expected.scores, found, rtol=allowed, atol=allowed)
    scores = np.flatnonzero(~same)
    if scores.size:
        row = int(scores[0])
        count = f"{scores.size} scores differ in {found.size} rows"
        raise ReleaseRefusedError(
            _difference(release, f"{name} of golden row {row}", (expected.scores[row], found[row]), count)
        )


def _difference(release: Release, name: str, pair: tuple[Number, Number], count: str) -> str:
    was, found = pair
    shown = f"{name} is {_shown(found)}, was {_shown(was)} ({count})"
    return f"{_label(release.manifest)}: {shown}. {_environments(release.manifest)}"


def _label(manifest: Manifest) -> str:
    return f"release {manifest.name} {manifest.version} ({manifest.digest[:12]})"


def _environments(manifest: Manifest) -> str:
    return f"Made here and now against then: {difference(manifest.environment, environment())}."


def _shown(value: np.float32 | np.float64) -> str:
    return f"{value!s} (0x{value.tobytes()[::-1].hex()})"
