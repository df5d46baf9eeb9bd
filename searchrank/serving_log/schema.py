"""What one row of the serving log is: an answer, with its candidates in lists of one length.

===================== ======================================================================================
column                meaning
===================== ======================================================================================
request_id            ties the answer to impressions, clicks and orders of the event log
rpc                   ``Rank`` or ``Search``
surface               as in ``project.yaml``
user_id, session_id   who asked; null when unknown
query                 text as typed; null when there was none
request_time          the moment that features were computed for
answered_at           the clock when the answer was made
elapsed_us            microseconds it took
release_name,         what scored
release_version,
release_digest
snapshot_id           catalogue and statistics that were read
offset                events of the log before this offset were known
user_offset           the same for the store of users, when it is another
experiments           version of the experiments; null when there are none
arms                  layer, experiment, arm, propensity, overridden
coverage              stage, subject, reason of what was left out; empty when nothing was
features_digest       ``FeaturesDigest`` of what the scorer read; null when not all candidates were scored
filter                the caller's condition on items, as sent; null: none
sort                  expression and descending, the caller's keys in order; null: by score
trees                 trees of the forest that were used; null: all
effort_candidates     candidates that were scored of those found, the first so many; null: all
blend                 expression over scores that applied; null: none
models                ``name@version#digest`` of further releases whose scores were read; null: none
rerank                the ordering of the list: name, digest and canonical text; null: none
cached                whether the scores came from a cache; null: no
item_id               candidates, in the order in which they were scored
revision              offset of the put that an item was read from; -1: the snapshot's row
position              0-based place in what was returned, over all pages; -1: not returned
score                 float64; NaN: not scored
propensity            how likely the item was to be at its place; NaN: not drawn; null: nothing was
``request.*`` …       request, session, user and query inputs as sent, null when not sent
``candidate.*`` …     candidate and recall inputs, a list as long as ``item_id``; null when not sent
===================== ======================================================================================

A file need not have every column: what a version before did not write reads as null.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import pyarrow as pa

from searchrank.features.inputs import CANDIDATE_ROOTS, REQUEST_ROOTS
from searchrank.features.records import arrow_type

if TYPE_CHECKING:
    from searchrank.features import FeatureSet
    from searchrank.features.inputs import Input

__all__ = ["ARM", "CORE", "FORMAT", "LEFT_OUT", "SORT_KEY", "Columns", "schema", "sent_inputs"]

FORMAT: Final = 1
"""Version of the form; it is in the schema's metadata and a reader refuses a later one."""
ARM: Final = pa.struct(
    [
        ("layer", pa.string()),
        ("experiment", pa.string()),
        ("arm", pa.string()),
        ("propensity", pa.float64()),
        ("overridden", pa.bool_()),
    ]
)
SORT_KEY: Final = pa.struct([("expression", pa.string()), ("descending", pa.bool_())])
LEFT_OUT: Final = pa.struct([("stage", pa.string()), ("subject", pa.string()), ("reason", pa.string())])
CORE: Final = pa.schema(
    [
        ("request_id", pa.string()),
        ("rpc", pa.string()),
        ("surface", pa.string()),
        ("user_id", pa.string()),
        ("session_id", pa.string()),
        ("query", pa.string()),
        ("request_time", pa.timestamp("us", "UTC")),
        ("answered_at", pa.timestamp("us", "UTC")),
        ("elapsed_us", pa.int64()),
        ("release_name", pa.string()),
        ("release_version", pa.int64()),
        ("release_digest", pa.string()),
        ("snapshot_id", pa.string()),
        ("offset", pa.int64()),
        ("user_offset", pa.int64()),
        ("experiments", pa.string()),
        ("arms", pa.list_(ARM)),
        ("coverage", pa.list_(LEFT_OUT)),
        ("features_digest", pa.int64()),
        ("filter", pa.string()),
        ("sort", pa.list_(SORT_KEY)),
        ("trees", pa.int32()),
        ("effort_candidates", pa.int32()),
        ("blend", pa.string()),
        ("models", pa.list_(pa.string())),
        ("rerank", pa.string()),
        ("cached", pa.bool_()),
        ("item_id", pa.list_(pa.string())),
        ("revision", pa.list_(pa.int64())),
        ("position", pa.list_(pa.int32())),
        ("score", pa.list_(pa.float64())),
        ("propensity", pa.list_(pa.float64())),
    ]
)
"""The columns of every file; those of inputs follow."""


def sent_inputs(feature_set: FeatureSet) -> tuple[tuple[Input, ...], tuple[Input, ...]]:
    """Return the inputs that come with a request and those that come with a candidate: no statistics."""
    sent = [item for item in feature_set.inputs.values() if item.statistic is None and not item.training_only]
    return (
        tuple(item for item in sent if item.root in REQUEST_ROOTS),
        tuple(item for item in sent if item.root in CANDIDATE_ROOTS),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """The columns of the answers that one feature set gives.

    Attributes:
        schema: All of them.
        requests: Inputs that come with a request.
        candidates: Inputs that come with a candidate.
    """

    schema: pa.Schema
    requests: tuple[Input, ...]
    candidates: tuple[Input, ...]

    @classmethod
    def of(cls, feature_set: FeatureSet) -> Self:
        """Work them out, which takes too long to be done for every batch."""
        return cls(schema(feature_set), *sent_inputs(feature_set))


def schema(feature_set: FeatureSet) -> pa.Schema:
    """Return the columns of the answers that these definitions give."""
    requests, candidates = sent_inputs(feature_set)
    fields = [
        *CORE,
        *(pa.field(item.name, arrow_type(item)) for item in requests),
        *(pa.field(item.name, pa.list_(arrow_type(item))) for item in candidates),
    ]
    return pa.schema(fields, {"searchrank.serving_log": str(FORMAT)})
