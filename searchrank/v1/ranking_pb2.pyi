import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Changed(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CHANGED_UNSPECIFIED: _ClassVar[Changed]
    CHANGED_ABOVE: _ClassVar[Changed]
    CHANGED_BELOW: _ClassVar[Changed]
    CHANGED_BOTH: _ClassVar[Changed]

class Verdict(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    VERDICT_UNSPECIFIED: _ClassVar[Verdict]
    VERDICT_KEPT: _ClassVar[Verdict]
    VERDICT_REMOVED: _ClassVar[Verdict]
    VERDICT_MISSING: _ClassVar[Verdict]

class BranchOutcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    BRANCH_OUTCOME_UNSPECIFIED: _ClassVar[BranchOutcome]
    BRANCH_OUTCOME_ANSWERED: _ClassVar[BranchOutcome]
    BRANCH_OUTCOME_FAILED: _ClassVar[BranchOutcome]
    BRANCH_OUTCOME_LATE: _ClassVar[BranchOutcome]
    BRANCH_OUTCOME_SKIPPED: _ClassVar[BranchOutcome]
CHANGED_UNSPECIFIED: Changed
CHANGED_ABOVE: Changed
CHANGED_BELOW: Changed
CHANGED_BOTH: Changed
VERDICT_UNSPECIFIED: Verdict
VERDICT_KEPT: Verdict
VERDICT_REMOVED: Verdict
VERDICT_MISSING: Verdict
BRANCH_OUTCOME_UNSPECIFIED: BranchOutcome
BRANCH_OUTCOME_ANSWERED: BranchOutcome
BRANCH_OUTCOME_FAILED: BranchOutcome
BRANCH_OUTCOME_LATE: BranchOutcome
BRANCH_OUTCOME_SKIPPED: BranchOutcome

class RankRequest(_message.Message):
    __slots__ = ("surface", "request_id", "user_id", "session_id", "query", "request_time", "context", "candidates", "candidate_columns", "limit", "filter")
    SURFACE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    QUERY_FIELD_NUMBER: _ClassVar[int]
    REQUEST_TIME_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    CANDIDATE_COLUMNS_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    surface: str
    request_id: str
    user_id: str
    session_id: str
    query: str
    request_time: _timestamp_pb2.Timestamp
    context: _containers.RepeatedCompositeFieldContainer[Column]
    candidates: Ids
    candidate_columns: _containers.RepeatedCompositeFieldContainer[Column]
    limit: int
    filter: str
    def __init__(self, surface: _Optional[str] = ..., request_id: _Optional[str] = ..., user_id: _Optional[str] = ..., session_id: _Optional[str] = ..., query: _Optional[str] = ..., request_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., context: _Optional[_Iterable[_Union[Column, _Mapping]]] = ..., candidates: _Optional[_Union[Ids, _Mapping]] = ..., candidate_columns: _Optional[_Iterable[_Union[Column, _Mapping]]] = ..., limit: _Optional[int] = ..., filter: _Optional[str] = ...) -> None: ...

class RankResponse(_message.Message):
    __slots__ = ("request_id", "release", "snapshot_id", "ids", "scores", "order", "unknown", "coverage", "arms", "state_offset", "propensities")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RELEASE_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_ID_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    SCORES_FIELD_NUMBER: _ClassVar[int]
    ORDER_FIELD_NUMBER: _ClassVar[int]
    UNKNOWN_FIELD_NUMBER: _ClassVar[int]
    COVERAGE_FIELD_NUMBER: _ClassVar[int]
    ARMS_FIELD_NUMBER: _ClassVar[int]
    STATE_OFFSET_FIELD_NUMBER: _ClassVar[int]
    PROPENSITIES_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    release: ReleaseIdentity
    snapshot_id: str
    ids: Ids
    scores: _containers.RepeatedScalarFieldContainer[float]
    order: _containers.RepeatedScalarFieldContainer[int]
    unknown: _containers.RepeatedScalarFieldContainer[int]
    coverage: Coverage
    arms: _containers.RepeatedCompositeFieldContainer[AssignedArm]
    state_offset: int
    propensities: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, request_id: _Optional[str] = ..., release: _Optional[_Union[ReleaseIdentity, _Mapping]] = ..., snapshot_id: _Optional[str] = ..., ids: _Optional[_Union[Ids, _Mapping]] = ..., scores: _Optional[_Iterable[float]] = ..., order: _Optional[_Iterable[int]] = ..., unknown: _Optional[_Iterable[int]] = ..., coverage: _Optional[_Union[Coverage, _Mapping]] = ..., arms: _Optional[_Iterable[_Union[AssignedArm, _Mapping]]] = ..., state_offset: _Optional[int] = ..., propensities: _Optional[_Iterable[float]] = ...) -> None: ...

class SearchRequest(_message.Message):
    __slots__ = ("surface", "request_id", "user_id", "session_id", "query", "request_time", "context", "limit", "filter", "sort", "page_token")
    SURFACE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    QUERY_FIELD_NUMBER: _ClassVar[int]
    REQUEST_TIME_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    SORT_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    surface: str
    request_id: str
    user_id: str
    session_id: str
    query: str
    request_time: _timestamp_pb2.Timestamp
    context: _containers.RepeatedCompositeFieldContainer[Column]
    limit: int
    filter: str
    sort: _containers.RepeatedCompositeFieldContainer[SortKey]
    page_token: str
    def __init__(self, surface: _Optional[str] = ..., request_id: _Optional[str] = ..., user_id: _Optional[str] = ..., session_id: _Optional[str] = ..., query: _Optional[str] = ..., request_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., context: _Optional[_Iterable[_Union[Column, _Mapping]]] = ..., limit: _Optional[int] = ..., filter: _Optional[str] = ..., sort: _Optional[_Iterable[_Union[SortKey, _Mapping]]] = ..., page_token: _Optional[str] = ...) -> None: ...

class SortKey(_message.Message):
    __slots__ = ("expression", "descending")
    EXPRESSION_FIELD_NUMBER: _ClassVar[int]
    DESCENDING_FIELD_NUMBER: _ClassVar[int]
    expression: str
    descending: bool
    def __init__(self, expression: _Optional[str] = ..., descending: _Optional[bool] = ...) -> None: ...

class SearchResponse(_message.Message):
    __slots__ = ("request_id", "release", "snapshot_id", "ids", "scores", "provenance", "candidates", "coverage", "arms", "position", "next_page_token", "state_offset", "propensities")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RELEASE_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_ID_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    SCORES_FIELD_NUMBER: _ClassVar[int]
    PROVENANCE_FIELD_NUMBER: _ClassVar[int]
    CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    COVERAGE_FIELD_NUMBER: _ClassVar[int]
    ARMS_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    STATE_OFFSET_FIELD_NUMBER: _ClassVar[int]
    PROPENSITIES_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    release: ReleaseIdentity
    snapshot_id: str
    ids: Ids
    scores: _containers.RepeatedScalarFieldContainer[float]
    provenance: Provenance
    candidates: int
    coverage: Coverage
    arms: _containers.RepeatedCompositeFieldContainer[AssignedArm]
    position: int
    next_page_token: str
    state_offset: int
    propensities: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, request_id: _Optional[str] = ..., release: _Optional[_Union[ReleaseIdentity, _Mapping]] = ..., snapshot_id: _Optional[str] = ..., ids: _Optional[_Union[Ids, _Mapping]] = ..., scores: _Optional[_Iterable[float]] = ..., provenance: _Optional[_Union[Provenance, _Mapping]] = ..., candidates: _Optional[int] = ..., coverage: _Optional[_Union[Coverage, _Mapping]] = ..., arms: _Optional[_Iterable[_Union[AssignedArm, _Mapping]]] = ..., position: _Optional[int] = ..., next_page_token: _Optional[str] = ..., state_offset: _Optional[int] = ..., propensities: _Optional[_Iterable[float]] = ...) -> None: ...

class ExplainRequest(_message.Message):
    __slots__ = ("surface", "request_id", "user_id", "session_id", "query", "request_time", "context", "ids", "candidate_columns", "filter", "compare")
    SURFACE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    QUERY_FIELD_NUMBER: _ClassVar[int]
    REQUEST_TIME_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    CANDIDATE_COLUMNS_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    COMPARE_FIELD_NUMBER: _ClassVar[int]
    surface: str
    request_id: str
    user_id: str
    session_id: str
    query: str
    request_time: _timestamp_pb2.Timestamp
    context: _containers.RepeatedCompositeFieldContainer[Column]
    ids: Ids
    candidate_columns: _containers.RepeatedCompositeFieldContainer[Column]
    filter: str
    compare: Pair
    def __init__(self, surface: _Optional[str] = ..., request_id: _Optional[str] = ..., user_id: _Optional[str] = ..., session_id: _Optional[str] = ..., query: _Optional[str] = ..., request_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., context: _Optional[_Iterable[_Union[Column, _Mapping]]] = ..., ids: _Optional[_Union[Ids, _Mapping]] = ..., candidate_columns: _Optional[_Iterable[_Union[Column, _Mapping]]] = ..., filter: _Optional[str] = ..., compare: _Optional[_Union[Pair, _Mapping]] = ...) -> None: ...

class Pair(_message.Message):
    __slots__ = ("first", "second")
    FIRST_FIELD_NUMBER: _ClassVar[int]
    SECOND_FIELD_NUMBER: _ClassVar[int]
    first: int
    second: int
    def __init__(self, first: _Optional[int] = ..., second: _Optional[int] = ...) -> None: ...

class ExplainResponse(_message.Message):
    __slots__ = ("request_id", "release", "snapshot_id", "ids", "scores", "columns", "features", "contributions", "base_score", "provenance", "unknown", "coverage", "arms", "verdicts", "state_offset", "comparison", "movements")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RELEASE_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_ID_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    SCORES_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    CONTRIBUTIONS_FIELD_NUMBER: _ClassVar[int]
    BASE_SCORE_FIELD_NUMBER: _ClassVar[int]
    PROVENANCE_FIELD_NUMBER: _ClassVar[int]
    UNKNOWN_FIELD_NUMBER: _ClassVar[int]
    COVERAGE_FIELD_NUMBER: _ClassVar[int]
    ARMS_FIELD_NUMBER: _ClassVar[int]
    VERDICTS_FIELD_NUMBER: _ClassVar[int]
    STATE_OFFSET_FIELD_NUMBER: _ClassVar[int]
    COMPARISON_FIELD_NUMBER: _ClassVar[int]
    MOVEMENTS_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    release: ReleaseIdentity
    snapshot_id: str
    ids: Ids
    scores: _containers.RepeatedScalarFieldContainer[float]
    columns: _containers.RepeatedScalarFieldContainer[str]
    features: bytes
    contributions: _containers.RepeatedScalarFieldContainer[float]
    base_score: float
    provenance: Provenance
    unknown: _containers.RepeatedScalarFieldContainer[int]
    coverage: Coverage
    arms: _containers.RepeatedCompositeFieldContainer[AssignedArm]
    verdicts: _containers.RepeatedScalarFieldContainer[Verdict]
    state_offset: int
    comparison: Comparison
    movements: Movements
    def __init__(self, request_id: _Optional[str] = ..., release: _Optional[_Union[ReleaseIdentity, _Mapping]] = ..., snapshot_id: _Optional[str] = ..., ids: _Optional[_Union[Ids, _Mapping]] = ..., scores: _Optional[_Iterable[float]] = ..., columns: _Optional[_Iterable[str]] = ..., features: _Optional[bytes] = ..., contributions: _Optional[_Iterable[float]] = ..., base_score: _Optional[float] = ..., provenance: _Optional[_Union[Provenance, _Mapping]] = ..., unknown: _Optional[_Iterable[int]] = ..., coverage: _Optional[_Union[Coverage, _Mapping]] = ..., arms: _Optional[_Iterable[_Union[AssignedArm, _Mapping]]] = ..., verdicts: _Optional[_Iterable[_Union[Verdict, str]]] = ..., state_offset: _Optional[int] = ..., comparison: _Optional[_Union[Comparison, _Mapping]] = ..., movements: _Optional[_Union[Movements, _Mapping]] = ...) -> None: ...

class Comparison(_message.Message):
    __slots__ = ("above", "below", "gap", "contributions", "flips")
    ABOVE_FIELD_NUMBER: _ClassVar[int]
    BELOW_FIELD_NUMBER: _ClassVar[int]
    GAP_FIELD_NUMBER: _ClassVar[int]
    CONTRIBUTIONS_FIELD_NUMBER: _ClassVar[int]
    FLIPS_FIELD_NUMBER: _ClassVar[int]
    above: int
    below: int
    gap: float
    contributions: _containers.RepeatedScalarFieldContainer[float]
    flips: _containers.RepeatedCompositeFieldContainer[Flip]
    def __init__(self, above: _Optional[int] = ..., below: _Optional[int] = ..., gap: _Optional[float] = ..., contributions: _Optional[_Iterable[float]] = ..., flips: _Optional[_Iterable[_Union[Flip, _Mapping]]] = ...) -> None: ...

class Flip(_message.Message):
    __slots__ = ("feature", "changed", "before", "after", "is_code")
    FEATURE_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    IS_CODE_FIELD_NUMBER: _ClassVar[int]
    feature: str
    changed: Changed
    before: float
    after: float
    is_code: bool
    def __init__(self, feature: _Optional[str] = ..., changed: _Optional[_Union[Changed, str]] = ..., before: _Optional[float] = ..., after: _Optional[float] = ..., is_code: _Optional[bool] = ...) -> None: ...

class Movements(_message.Message):
    __slots__ = ("before", "after", "items", "reasons")
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    before: _containers.RepeatedScalarFieldContainer[int]
    after: _containers.RepeatedScalarFieldContainer[int]
    items: _containers.RepeatedScalarFieldContainer[int]
    reasons: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, before: _Optional[_Iterable[int]] = ..., after: _Optional[_Iterable[int]] = ..., items: _Optional[_Iterable[int]] = ..., reasons: _Optional[_Iterable[str]] = ...) -> None: ...

class Ids(_message.Message):
    __slots__ = ("strings", "integers")
    STRINGS_FIELD_NUMBER: _ClassVar[int]
    INTEGERS_FIELD_NUMBER: _ClassVar[int]
    strings: StringIds
    integers: IntegerIds
    def __init__(self, strings: _Optional[_Union[StringIds, _Mapping]] = ..., integers: _Optional[_Union[IntegerIds, _Mapping]] = ...) -> None: ...

class StringIds(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, values: _Optional[_Iterable[str]] = ...) -> None: ...

class IntegerIds(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, values: _Optional[_Iterable[int]] = ...) -> None: ...

class Column(_message.Message):
    __slots__ = ("name", "doubles", "strings", "times", "points", "vectors", "lists", "maps", "validity")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DOUBLES_FIELD_NUMBER: _ClassVar[int]
    STRINGS_FIELD_NUMBER: _ClassVar[int]
    TIMES_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    VECTORS_FIELD_NUMBER: _ClassVar[int]
    LISTS_FIELD_NUMBER: _ClassVar[int]
    MAPS_FIELD_NUMBER: _ClassVar[int]
    VALIDITY_FIELD_NUMBER: _ClassVar[int]
    name: str
    doubles: DoubleColumn
    strings: StringColumn
    times: TimeColumn
    points: PointColumn
    vectors: VectorColumn
    lists: ListColumn
    maps: MapColumn
    validity: bytes
    def __init__(self, name: _Optional[str] = ..., doubles: _Optional[_Union[DoubleColumn, _Mapping]] = ..., strings: _Optional[_Union[StringColumn, _Mapping]] = ..., times: _Optional[_Union[TimeColumn, _Mapping]] = ..., points: _Optional[_Union[PointColumn, _Mapping]] = ..., vectors: _Optional[_Union[VectorColumn, _Mapping]] = ..., lists: _Optional[_Union[ListColumn, _Mapping]] = ..., maps: _Optional[_Union[MapColumn, _Mapping]] = ..., validity: _Optional[bytes] = ...) -> None: ...

class DoubleColumn(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, values: _Optional[_Iterable[float]] = ...) -> None: ...

class StringColumn(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, values: _Optional[_Iterable[str]] = ...) -> None: ...

class TimeColumn(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, values: _Optional[_Iterable[int]] = ...) -> None: ...

class PointColumn(_message.Message):
    __slots__ = ("coordinates",)
    COORDINATES_FIELD_NUMBER: _ClassVar[int]
    coordinates: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, coordinates: _Optional[_Iterable[float]] = ...) -> None: ...

class VectorColumn(_message.Message):
    __slots__ = ("values", "size")
    VALUES_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedScalarFieldContainer[float]
    size: int
    def __init__(self, values: _Optional[_Iterable[float]] = ..., size: _Optional[int] = ...) -> None: ...

class ListColumn(_message.Message):
    __slots__ = ("members", "offsets")
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    OFFSETS_FIELD_NUMBER: _ClassVar[int]
    members: _containers.RepeatedScalarFieldContainer[str]
    offsets: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, members: _Optional[_Iterable[str]] = ..., offsets: _Optional[_Iterable[int]] = ...) -> None: ...

class MapColumn(_message.Message):
    __slots__ = ("keys", "values", "offsets")
    KEYS_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    OFFSETS_FIELD_NUMBER: _ClassVar[int]
    keys: _containers.RepeatedScalarFieldContainer[str]
    values: _containers.RepeatedScalarFieldContainer[float]
    offsets: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, keys: _Optional[_Iterable[str]] = ..., values: _Optional[_Iterable[float]] = ..., offsets: _Optional[_Iterable[int]] = ...) -> None: ...

class ReleaseIdentity(_message.Message):
    __slots__ = ("name", "version", "digest")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: str
    digest: str
    def __init__(self, name: _Optional[str] = ..., version: _Optional[str] = ..., digest: _Optional[str] = ...) -> None: ...

class Provenance(_message.Message):
    __slots__ = ("branches", "items", "branch_indexes", "ranks", "scores")
    BRANCHES_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    BRANCH_INDEXES_FIELD_NUMBER: _ClassVar[int]
    RANKS_FIELD_NUMBER: _ClassVar[int]
    SCORES_FIELD_NUMBER: _ClassVar[int]
    branches: _containers.RepeatedScalarFieldContainer[str]
    items: _containers.RepeatedScalarFieldContainer[int]
    branch_indexes: _containers.RepeatedScalarFieldContainer[int]
    ranks: _containers.RepeatedScalarFieldContainer[int]
    scores: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, branches: _Optional[_Iterable[str]] = ..., items: _Optional[_Iterable[int]] = ..., branch_indexes: _Optional[_Iterable[int]] = ..., ranks: _Optional[_Iterable[int]] = ..., scores: _Optional[_Iterable[float]] = ...) -> None: ...

class AssignedArm(_message.Message):
    __slots__ = ("layer", "experiment", "arm", "propensity", "overridden")
    LAYER_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    ARM_FIELD_NUMBER: _ClassVar[int]
    PROPENSITY_FIELD_NUMBER: _ClassVar[int]
    OVERRIDDEN_FIELD_NUMBER: _ClassVar[int]
    layer: str
    experiment: str
    arm: str
    propensity: float
    overridden: bool
    def __init__(self, layer: _Optional[str] = ..., experiment: _Optional[str] = ..., arm: _Optional[str] = ..., propensity: _Optional[float] = ..., overridden: _Optional[bool] = ...) -> None: ...

class Coverage(_message.Message):
    __slots__ = ("degradations", "stages", "filtering", "rules", "branches", "removed")
    DEGRADATIONS_FIELD_NUMBER: _ClassVar[int]
    STAGES_FIELD_NUMBER: _ClassVar[int]
    FILTERING_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    BRANCHES_FIELD_NUMBER: _ClassVar[int]
    REMOVED_FIELD_NUMBER: _ClassVar[int]
    degradations: _containers.RepeatedCompositeFieldContainer[Degradation]
    stages: _containers.RepeatedCompositeFieldContainer[StageTime]
    filtering: Filtering
    rules: _containers.RepeatedCompositeFieldContainer[AppliedRule]
    branches: _containers.RepeatedCompositeFieldContainer[BranchCoverage]
    removed: Removed
    def __init__(self, degradations: _Optional[_Iterable[_Union[Degradation, _Mapping]]] = ..., stages: _Optional[_Iterable[_Union[StageTime, _Mapping]]] = ..., filtering: _Optional[_Union[Filtering, _Mapping]] = ..., rules: _Optional[_Iterable[_Union[AppliedRule, _Mapping]]] = ..., branches: _Optional[_Iterable[_Union[BranchCoverage, _Mapping]]] = ..., removed: _Optional[_Union[Removed, _Mapping]] = ...) -> None: ...

class Removed(_message.Message):
    __slots__ = ("duplicates", "excluded", "cut")
    DUPLICATES_FIELD_NUMBER: _ClassVar[int]
    EXCLUDED_FIELD_NUMBER: _ClassVar[int]
    CUT_FIELD_NUMBER: _ClassVar[int]
    duplicates: int
    excluded: int
    cut: int
    def __init__(self, duplicates: _Optional[int] = ..., excluded: _Optional[int] = ..., cut: _Optional[int] = ...) -> None: ...

class BranchCoverage(_message.Message):
    __slots__ = ("branch", "outcome", "elapsed_us", "returned", "unique", "reason")
    BRANCH_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    ELAPSED_US_FIELD_NUMBER: _ClassVar[int]
    RETURNED_FIELD_NUMBER: _ClassVar[int]
    UNIQUE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    branch: str
    outcome: BranchOutcome
    elapsed_us: int
    returned: int
    unique: int
    reason: str
    def __init__(self, branch: _Optional[str] = ..., outcome: _Optional[_Union[BranchOutcome, str]] = ..., elapsed_us: _Optional[int] = ..., returned: _Optional[int] = ..., unique: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...

class AppliedRule(_message.Message):
    __slots__ = ("rule", "items")
    RULE_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    rule: str
    items: int
    def __init__(self, rule: _Optional[str] = ..., items: _Optional[int] = ...) -> None: ...

class Filtering(_message.Message):
    __slots__ = ("looked_at", "removed", "missing", "exact")
    LOOKED_AT_FIELD_NUMBER: _ClassVar[int]
    REMOVED_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    EXACT_FIELD_NUMBER: _ClassVar[int]
    looked_at: int
    removed: int
    missing: int
    exact: bool
    def __init__(self, looked_at: _Optional[int] = ..., removed: _Optional[int] = ..., missing: _Optional[int] = ..., exact: _Optional[bool] = ...) -> None: ...

class Degradation(_message.Message):
    __slots__ = ("stage", "subject", "reason")
    STAGE_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    stage: str
    subject: str
    reason: str
    def __init__(self, stage: _Optional[str] = ..., subject: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class StageTime(_message.Message):
    __slots__ = ("stage", "elapsed_us")
    STAGE_FIELD_NUMBER: _ClassVar[int]
    ELAPSED_US_FIELD_NUMBER: _ClassVar[int]
    stage: str
    elapsed_us: int
    def __init__(self, stage: _Optional[str] = ..., elapsed_us: _Optional[int] = ...) -> None: ...
