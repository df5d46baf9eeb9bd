"""One answer, as a request hands it to the log: references to what its stages made, nothing copied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

if TYPE_CHECKING:
    from searchrank.experiments import Assigned
    from searchrank.features import FeatureSet

__all__ = ["NO_REVISION", "Answered"]

NO_REVISION: Final = -1
"""Revision of an item that was read from the snapshot."""
_ROW_BYTES: Final = 2_048
_CANDIDATE_BYTES: Final = 48


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Answered:
    """One answer; nothing in it may be changed afterwards.

    Attributes:
        rpc: ``Rank`` or ``Search``.
        surface: Name of the surface.
        request_id: The caller's name for the request, or the server's.
        user_id: Who asked; empty when unknown.
        session_id: The caller's session; empty when unknown.
        query: Text as typed; may be empty.
        request_time: The moment that features were computed for, microseconds since 1970 UTC.
        answered_at: The clock when the answer was made, microseconds since 1970 UTC.
        elapsed_us: Microseconds it took.
        release: Name, version and digest of what scored.
        feature_set: Declares the columns.
        snapshot_id: Catalogue and statistics that were read.
        offset: Events of the log before it were known.
        user_offset: The same for the store of users when it is another; None: as ``offset``.
        experiments: Version of the experiments; empty when there are none.
        arms: The arms that applied.
        coverage: (stage, subject, reason) of what was left out.
        context: Raw request-scope columns of length 1 by input name.
        columns: Raw candidate-scope columns of length n by input name.
        item_ids: Ids of the n candidates, packed, since hundreds of small strings would be cold when they are written
            and make the next request allocate afresh; None: those of ``catalogue_ids`` at ``rows``.
        catalogue_ids: Ids of the catalogue by row.
        rows: Shape ``(n,)``, row of each candidate in the catalogue.
        revisions: Shape ``(n,)``, offset of the put that an item was read from, -1 for the snapshot; None: -1 for all.
        scores: Shape ``(n,)`` float64; NaN: not scored.
        order: Positions of the returned candidates among the n, best first.
        first: Absolute position of the first one returned, 0 unless it is a later page.
        features_digest: ``FeaturesDigest`` of the features that the scorer read; None when not all were computed.
        filter: The caller's condition on items; empty: none.
        sort: (expression, descending) of the caller's keys, the most important first; empty: by score.
        trees: Trees of the forest that were used; 0: all.
        effort_candidates: How many of the candidates, the first so many, were scored; 0: all.
        blend: The expression over scores that applied; empty: none.
        models: ``name@version#digest`` of further releases whose scores were read.
        rerank: Name, digest and canonical text of the ordering that re-ranked; empty: none.
        cached: Whether the scores came from a cache.
        propensities: Shape ``(n,)``, how likely an item was to be at its place; NaN: not drawn; None: nothing was.
    """

    rpc: str
    surface: str
    request_id: str
    user_id: str
    session_id: str
    query: str
    request_time: int
    answered_at: int
    elapsed_us: int
    release: tuple[str, int, str]
    feature_set: FeatureSet
    snapshot_id: str
    offset: int
    user_offset: int | None = None
    experiments: str = ""
    arms: Sequence[Assigned] = ()
    coverage: Sequence[tuple[str, str, str]] = ()
    context: Mapping[str, Any]
    columns: Mapping[str, Any]
    item_ids: pa.StringArray | None
    catalogue_ids: pa.StringArray
    rows: npt.NDArray[np.int64]
    revisions: npt.NDArray[np.int64] | None = None
    scores: npt.NDArray[np.float64]
    order: npt.NDArray[np.int64]
    first: int = 0
    features_digest: int | None
    filter: str = ""
    sort: Sequence[tuple[str, bool]] = ()
    trees: int = 0
    effort_candidates: int = 0
    blend: str = ""
    models: Sequence[str] = ()
    rerank: str = ""
    cached: bool = False
    propensities: npt.NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def nbytes(self) -> int:
        """About how much memory it holds on to, by the number of its candidates and columns."""
        return _ROW_BYTES + len(self.rows) * (_CANDIDATE_BYTES + 8 * len(self.columns))
