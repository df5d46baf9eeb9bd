"""What answers the requests of one surface: a release, a snapshot and everything bound to the two, never changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from predictor.blending import Blended
from predictor.compiled import Compiler
from predictor.drift import Drift
from predictor.head_cache import HeadCache
from predictor.ladder import Ladder
from predictor.lane import Lane
from predictor.live import Live
from predictor.page_token import PageTokens
from predictor.requests import Schema
from predictor.scoring import Scoring
from predictor.screens import Screens
from predictor.trials import Trial
from recall import Reading, Recaller
from searchrank.features import Plan
from searchrank.features.snapshot import Snapshot
from searchrank.models import Release
from searchrank.project import Surface
from searchrank.reranking import Reranker
from searchrank.state import UserStore

__all__ = ["ServedSurface"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ServedSurface:
    """Everything that answers requests of one surface.

    Attributes:
        name: Its name in the project.
        config: Its section of the project.
        release: What scores, or the first of what does; its definitions are those of the surface.
        digest: The release's digest, which takes it a while to work out.
        plan: Computes what the scorer reads.
        blended: The blend and the releases that score beside it; None: the release alone scores.
        snapshot: What is read, as it was when it was made.
        live: What has changed in it since.
        store: Where users are found.
        schema: What callers may send.
        recaller: Its recall branches.
        reading: What recall reads of a request.
        short: Scores on the event loop.
        long: Scores on the scoring thread.
        lane: The scoring thread.
        seconds_per_row: Cost of features and score of a candidate on this machine.
        ladder: How much less may be done for a request.
        compiler: Compiles what callers filter and sort by.
        screens: Asks filters of the whole catalogue.
        page_tokens: Writes and reads page tokens.
        drift: Compares requests with what the release saw in training.
        cache: Scores of requests that are asked again; None: none are kept.
        trial: What is tried on it; None: nothing.
        shadow: What is asked too, after the answer; None: nothing.
        rerankers: Orderings of the whole list, ``default`` and variants, by name.
        reranker: The one that applies; None: lists stay as they are scored.
    """

    name: str
    config: Surface
    release: Release
    digest: str
    plan: Plan
    blended: Blended | None
    snapshot: Snapshot
    live: Live
    store: UserStore
    schema: Schema
    recaller: Recaller
    reading: Reading
    short: Scoring
    long: Scoring
    lane: Lane
    seconds_per_row: float
    ladder: Ladder
    compiler: Compiler
    screens: Screens
    page_tokens: PageTokens
    drift: Drift
    cache: HeadCache | None = None
    trial: Trial | None = None
    shadow: ServedSurface | None = None
    rerankers: Mapping[str, Reranker] = field(default_factory=dict)
    reranker: Reranker | None = None

    @property
    def budget(self) -> float:
        """Seconds for a request without a deadline."""
        return self.config.budget_ms / 1000

    @property
    def release_name(self) -> str:
        """What scores, as metrics, logs and people call it: ``name@version``."""
        return f"{self.release.name}@{self.release.version}"
