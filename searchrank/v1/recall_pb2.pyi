import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from searchrank.v1 import ranking_pb2 as _ranking_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RecallRequest(_message.Message):
    __slots__ = ("surface", "request_id", "user_id", "session_id", "query", "request_time", "context", "limit", "filter", "branches")
    SURFACE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    QUERY_FIELD_NUMBER: _ClassVar[int]
    REQUEST_TIME_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    BRANCHES_FIELD_NUMBER: _ClassVar[int]
    surface: str
    request_id: str
    user_id: str
    session_id: str
    query: str
    request_time: _timestamp_pb2.Timestamp
    context: _containers.RepeatedCompositeFieldContainer[_ranking_pb2.Column]
    limit: int
    filter: str
    branches: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, surface: _Optional[str] = ..., request_id: _Optional[str] = ..., user_id: _Optional[str] = ..., session_id: _Optional[str] = ..., query: _Optional[str] = ..., request_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., context: _Optional[_Iterable[_Union[_ranking_pb2.Column, _Mapping]]] = ..., limit: _Optional[int] = ..., filter: _Optional[str] = ..., branches: _Optional[_Iterable[str]] = ...) -> None: ...

class RecallResponse(_message.Message):
    __slots__ = ("request_id", "release", "snapshot_id", "ids", "fused", "provenance", "candidate_columns", "coverage", "arms", "state_offset")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RELEASE_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_ID_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    FUSED_FIELD_NUMBER: _ClassVar[int]
    PROVENANCE_FIELD_NUMBER: _ClassVar[int]
    CANDIDATE_COLUMNS_FIELD_NUMBER: _ClassVar[int]
    COVERAGE_FIELD_NUMBER: _ClassVar[int]
    ARMS_FIELD_NUMBER: _ClassVar[int]
    STATE_OFFSET_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    release: _ranking_pb2.ReleaseIdentity
    snapshot_id: str
    ids: _ranking_pb2.Ids
    fused: _containers.RepeatedScalarFieldContainer[float]
    provenance: _ranking_pb2.Provenance
    candidate_columns: _containers.RepeatedCompositeFieldContainer[_ranking_pb2.Column]
    coverage: _ranking_pb2.Coverage
    arms: _containers.RepeatedCompositeFieldContainer[_ranking_pb2.AssignedArm]
    state_offset: int
    def __init__(self, request_id: _Optional[str] = ..., release: _Optional[_Union[_ranking_pb2.ReleaseIdentity, _Mapping]] = ..., snapshot_id: _Optional[str] = ..., ids: _Optional[_Union[_ranking_pb2.Ids, _Mapping]] = ..., fused: _Optional[_Iterable[float]] = ..., provenance: _Optional[_Union[_ranking_pb2.Provenance, _Mapping]] = ..., candidate_columns: _Optional[_Iterable[_Union[_ranking_pb2.Column, _Mapping]]] = ..., coverage: _Optional[_Union[_ranking_pb2.Coverage, _Mapping]] = ..., arms: _Optional[_Iterable[_Union[_ranking_pb2.AssignedArm, _Mapping]]] = ..., state_offset: _Optional[int] = ...) -> None: ...
