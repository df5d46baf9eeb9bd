"""What a client gets back: frozen values in columns, made from wire answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from predictor.comparison import Comparison
from predictor.coverage import Coverage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from searchrank.v1 import ranking_pb2, recall_pb2

__all__ = [
    "Arm",
    "Explanation",
    "Finding",
    "Movement",
    "Ranking",
    "RecallResult",
    "ReleaseIdentity",
    "SearchResult",
]

_VERDICTS: Final = {1: True, 2: False}  # of the wire's enum: kept and removed


@dataclass(frozen=True, slots=True)
class ReleaseIdentity:
    """Which release gave the scores.

    Attributes:
        name: Name of the model.
        version: Version in the registry.
        digest: Digest of the contents, hexadecimal.
    """

    name: str
    version: str
    digest: str


@dataclass(frozen=True, slots=True)
class Arm:
    """An experiment arm that applied.

    Attributes:
        layer: Its layer.
        experiment: Its experiment.
        arm: Its name.
        propensity: Share of the experiment's units that get this arm, 0 to 1.
        overridden: Whether the unit is listed for it instead of chosen by chance; it must not be counted.
    """

    layer: str
    experiment: str
    arm: str
    propensity: float
    overridden: bool


@dataclass(frozen=True, slots=True)
class Finding:
    """A branch that found an item.

    Attributes:
        branch: Its name.
        rank: The item's rank in it, from 1.
        score: The branch's score, comparable within one branch of one answer only.
    """

    branch: str
    rank: int
    score: float


@dataclass(frozen=True, slots=True)
class Movement:
    """What re-ranking does to an item.

    Attributes:
        before: Its place by score, from 0; -1: the search does not find it.
        after: Its place in the list; -1 likewise.
        reasons: The rules that moved it, ``diversity`` and ``explore`` among them.
    """

    before: int
    after: int
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """Candidates in ranked order.

    Attributes:
        request_id: The caller's or the server's.
        release: What scored.
        snapshot_id: Catalogue and state that were read.
        ids: Best first, of the kind they were sent in.
        scores: Shape ``(n,)``; NaN: not scored, see coverage.
        order: Shape ``(n,)``, position of each id among the candidates sent.
        unknown: Positions among the candidates sent of ids that the catalogue does not hold.
        coverage: What was left out.
        arms: The experiment arms that applied.
        state_offset: Events of the log before it were known, later ones were not; see ``Acknowledgement``.
        propensities: Shape ``(n,)``, how likely each was to be at its place given those above it; None: nothing was
            left to chance.
    """

    request_id: str
    release: ReleaseIdentity
    snapshot_id: str
    ids: list[str] | list[int]
    scores: npt.NDArray[np.float64]
    order: npt.NDArray[np.int64]
    unknown: npt.NDArray[np.int64]
    coverage: Coverage
    arms: tuple[Arm, ...] = ()
    state_offset: int = 0
    propensities: npt.NDArray[np.float64] | None = None

    @classmethod
    def of(cls, answer: ranking_pb2.RankResponse) -> Ranking:
        """Return what a wire answer says."""
        return cls(
            **_heading(answer),
            scores=np.array(answer.scores, np.float64),
            order=np.array(answer.order, np.int64),
            unknown=np.array(answer.unknown, np.int64),
            propensities=_propensities(answer.propensities),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """The best items, with what found them.

    Attributes:
        request_id: The caller's or the server's.
        release: What scored.
        snapshot_id: Catalogue and state that were read.
        ids: Best first.
        scores: Shape ``(n,)``; NaN: not scored, see coverage.
        found_by: For each id, the branches that found it; no branch on further pages.
        candidates: How many items the model was handed.
        coverage: What was left out.
        arms: The experiment arms that applied.
        state_offset: Events of the log before it were known, later ones were not; see ``Acknowledgement``.
        position: Place of the first id in the whole list, from 0.
        next_page_token: Asks for the next page; empty: this is the last.
        propensities: Shape ``(n,)``, how likely each was to be at its place given those above it; None: nothing was
            left to chance.
    """

    request_id: str
    release: ReleaseIdentity
    snapshot_id: str
    ids: list[str]
    scores: npt.NDArray[np.float64]
    found_by: tuple[tuple[Finding, ...], ...]
    candidates: int
    coverage: Coverage
    arms: tuple[Arm, ...] = ()
    state_offset: int = 0
    position: int = 0
    next_page_token: str = ""
    propensities: npt.NDArray[np.float64] | None = None

    @classmethod
    def of(cls, answer: ranking_pb2.SearchResponse) -> SearchResult:
        """Return what a wire answer says."""
        heading = _heading(answer)
        return cls(
            **heading,
            scores=np.array(answer.scores, np.float64),
            found_by=_findings(answer.provenance, len(heading["ids"])),
            candidates=answer.candidates,
            position=answer.position,
            next_page_token=answer.next_page_token,
            propensities=_propensities(answer.propensities),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RecallResult:
    """Candidates that no model has ordered, with what found them.

    Attributes:
        request_id: The caller's or the server's.
        release: Whose definitions say what a request may hold.
        snapshot_id: Catalogue and state that were read.
        ids: Best first by fusion.
        fused: Shape ``(n,)``, the score of fusion.
        found_by: For each id, the branches that found it.
        columns: The ``recall`` inputs that the release declares, each of shape ``(n,)``, NaN where missing: what
            ``rank`` takes beside the ids.
        coverage: What each branch gave, and what was left out.
        arms: The experiment arms that applied.
        state_offset: Events of the log before it were known, later ones were not; see ``Acknowledgement``.
    """

    request_id: str
    release: ReleaseIdentity
    snapshot_id: str
    ids: list[str]
    fused: npt.NDArray[np.float64]
    found_by: tuple[tuple[Finding, ...], ...]
    columns: dict[str, npt.NDArray[np.float64]]
    coverage: Coverage
    arms: tuple[Arm, ...] = ()
    state_offset: int = 0

    @classmethod
    def of(cls, answer: recall_pb2.RecallResponse) -> RecallResult:
        """Return what a wire answer says."""
        heading = _heading(answer)
        return cls(
            **heading,
            fused=np.array(answer.fused, np.float64),
            found_by=_findings(answer.provenance, len(heading["ids"])),
            columns={column.name: np.array(column.doubles.values, np.float64) for column in answer.candidate_columns},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why items get their scores.

    Attributes:
        request_id: The caller's or the server's.
        release: What scored.
        snapshot_id: Catalogue and state that were read.
        ids: In the order sent.
        scores: Shape ``(n,)``.
        columns: Names of the f model columns.
        features: Shape ``(n, f)`` float32, what the model read; NaN: missing.
        contributions: Shape ``(n, f)``, or ``(0, f)`` when this kind of model has none; a row and ``base_score``
            add up to the score.
        base_score: The score before any column is looked at.
        found_by: For each id, the branches that find it.
        unknown: Positions of ids that the catalogue does not hold.
        coverage: What was left out.
        arms: The experiment arms that applied.
        state_offset: Events of the log before it were known, later ones were not; see ``Acknowledgement``.
        verdicts: For each id what the filter says: True, False, or None for unknown; empty without one.
        comparison: Why one of two items ranks above the other; None when none were to be compared.
        movements: For each id what re-ranking does to it in a search for the same; empty: nothing is re-ranked.
    """

    request_id: str
    release: ReleaseIdentity
    snapshot_id: str
    ids: list[str] | list[int]
    scores: npt.NDArray[np.float64]
    columns: tuple[str, ...]
    features: npt.NDArray[np.float32]
    contributions: npt.NDArray[np.float64]
    base_score: float
    found_by: tuple[tuple[Finding, ...], ...]
    unknown: npt.NDArray[np.int64]
    coverage: Coverage
    arms: tuple[Arm, ...] = ()
    state_offset: int = 0
    verdicts: tuple[bool | None, ...] = ()
    comparison: Comparison | None = None
    movements: tuple[Movement, ...] = ()

    @classmethod
    def of(cls, answer: ranking_pb2.ExplainResponse) -> Explanation:
        """Return what a wire answer says."""
        heading, width = _heading(answer), len(answer.columns)
        rows = len(answer.features) // (4 * width) if width else 0
        return cls(
            **heading,
            scores=np.array(answer.scores, np.float64),
            columns=tuple(answer.columns),
            features=np.frombuffer(answer.features, "<f4").reshape(rows, width),
            contributions=np.array(answer.contributions, np.float64).reshape(-1, max(width, 1)),
            base_score=answer.base_score,
            found_by=_findings(answer.provenance, len(heading["ids"])),
            unknown=np.array(answer.unknown, np.int64),
            verdicts=tuple(_VERDICTS.get(verdict) for verdict in answer.verdicts),
            comparison=Comparison.of(answer.comparison) if answer.HasField("comparison") else None,
            movements=_movements(answer.movements),
        )


def _heading(answer: Any) -> dict[str, Any]:
    release = answer.release
    integers = answer.ids.WhichOneof("kind") == "integers"
    return {
        "request_id": answer.request_id,
        "release": ReleaseIdentity(release.name, release.version, release.digest),
        "snapshot_id": answer.snapshot_id,
        "state_offset": answer.state_offset,
        "ids": list(answer.ids.integers.values if integers else answer.ids.strings.values),
        "coverage": Coverage.of(answer.coverage),
        "arms": tuple(Arm(a.layer, a.experiment, a.arm, a.propensity, a.overridden) for a in answer.arms),
    }


def _propensities(sent: Iterable[float]) -> npt.NDArray[np.float64] | None:
    values = np.array(sent, np.float64)
    return values if len(values) else None


def _movements(told: ranking_pb2.Movements) -> tuple[Movement, ...]:
    reasons: list[list[str]] = [[] for _ in told.before]
    for item, reason in zip(told.items, told.reasons, strict=True):
        reasons[item].append(reason)
    return tuple(Movement(b, a, tuple(why)) for b, a, why in zip(told.before, told.after, reasons, strict=True))


def _findings(provenance: ranking_pb2.Provenance, items: int) -> tuple[tuple[Finding, ...], ...]:
    found: list[list[Finding]] = [[] for _ in range(items)]
    pairs = zip(provenance.items, provenance.branch_indexes, provenance.ranks, provenance.scores, strict=True)
    for item, branch, rank, score in pairs:
        found[item].append(Finding(provenance.branches[branch], rank, score))
    return tuple(map(tuple, found))
