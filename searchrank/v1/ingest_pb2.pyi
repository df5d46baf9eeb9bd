import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from searchrank.v1 import ranking_pb2 as _ranking_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class IngestRequest(_message.Message):
    __slots__ = ("changes",)
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    changes: _containers.RepeatedCompositeFieldContainer[Change]
    def __init__(self, changes: _Optional[_Iterable[_Union[Change, _Mapping]]] = ...) -> None: ...

class IngestResponse(_message.Message):
    __slots__ = ("offset", "accepted", "duplicates")
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    DUPLICATES_FIELD_NUMBER: _ClassVar[int]
    offset: int
    accepted: int
    duplicates: int
    def __init__(self, offset: _Optional[int] = ..., accepted: _Optional[int] = ..., duplicates: _Optional[int] = ...) -> None: ...

class Change(_message.Message):
    __slots__ = ("event_id", "event_time", "put_item", "delete_item", "put_user", "delete_user", "link_users", "interaction")
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_TIME_FIELD_NUMBER: _ClassVar[int]
    PUT_ITEM_FIELD_NUMBER: _ClassVar[int]
    DELETE_ITEM_FIELD_NUMBER: _ClassVar[int]
    PUT_USER_FIELD_NUMBER: _ClassVar[int]
    DELETE_USER_FIELD_NUMBER: _ClassVar[int]
    LINK_USERS_FIELD_NUMBER: _ClassVar[int]
    INTERACTION_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    event_time: _timestamp_pb2.Timestamp
    put_item: PutItem
    delete_item: DeleteItem
    put_user: PutUser
    delete_user: DeleteUser
    link_users: LinkUsers
    interaction: Interaction
    def __init__(self, event_id: _Optional[str] = ..., event_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., put_item: _Optional[_Union[PutItem, _Mapping]] = ..., delete_item: _Optional[_Union[DeleteItem, _Mapping]] = ..., put_user: _Optional[_Union[PutUser, _Mapping]] = ..., delete_user: _Optional[_Union[DeleteUser, _Mapping]] = ..., link_users: _Optional[_Union[LinkUsers, _Mapping]] = ..., interaction: _Optional[_Union[Interaction, _Mapping]] = ...) -> None: ...

class PutItem(_message.Message):
    __slots__ = ("item_id", "columns")
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    columns: _containers.RepeatedCompositeFieldContainer[_ranking_pb2.Column]
    def __init__(self, item_id: _Optional[str] = ..., columns: _Optional[_Iterable[_Union[_ranking_pb2.Column, _Mapping]]] = ...) -> None: ...

class DeleteItem(_message.Message):
    __slots__ = ("item_id",)
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    def __init__(self, item_id: _Optional[str] = ...) -> None: ...

class PutUser(_message.Message):
    __slots__ = ("user_id", "columns")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    columns: _containers.RepeatedCompositeFieldContainer[_ranking_pb2.Column]
    def __init__(self, user_id: _Optional[str] = ..., columns: _Optional[_Iterable[_Union[_ranking_pb2.Column, _Mapping]]] = ...) -> None: ...

class DeleteUser(_message.Message):
    __slots__ = ("user_id",)
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    def __init__(self, user_id: _Optional[str] = ...) -> None: ...

class LinkUsers(_message.Message):
    __slots__ = ("user_id", "linked_id")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    LINKED_ID_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    linked_id: str
    def __init__(self, user_id: _Optional[str] = ..., linked_id: _Optional[str] = ...) -> None: ...

class Interaction(_message.Message):
    __slots__ = ("kind", "user_id", "session_id", "item_id", "request_id", "query", "surface", "position", "value", "columns")
    KIND_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    QUERY_FIELD_NUMBER: _ClassVar[int]
    SURFACE_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    kind: str
    user_id: str
    session_id: str
    item_id: str
    request_id: str
    query: str
    surface: str
    position: int
    value: float
    columns: _containers.RepeatedCompositeFieldContainer[_ranking_pb2.Column]
    def __init__(self, kind: _Optional[str] = ..., user_id: _Optional[str] = ..., session_id: _Optional[str] = ..., item_id: _Optional[str] = ..., request_id: _Optional[str] = ..., query: _Optional[str] = ..., surface: _Optional[str] = ..., position: _Optional[int] = ..., value: _Optional[float] = ..., columns: _Optional[_Iterable[_Union[_ranking_pb2.Column, _Mapping]]] = ...) -> None: ...

class FeedbackRequest(_message.Message):
    __slots__ = ("request_id", "user_id", "session_id", "surface", "reactions")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    SURFACE_FIELD_NUMBER: _ClassVar[int]
    REACTIONS_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    user_id: str
    session_id: str
    surface: str
    reactions: _containers.RepeatedCompositeFieldContainer[Reaction]
    def __init__(self, request_id: _Optional[str] = ..., user_id: _Optional[str] = ..., session_id: _Optional[str] = ..., surface: _Optional[str] = ..., reactions: _Optional[_Iterable[_Union[Reaction, _Mapping]]] = ...) -> None: ...

class Reaction(_message.Message):
    __slots__ = ("event_id", "event_time", "kind", "item_id", "position", "value")
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_TIME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    event_time: _timestamp_pb2.Timestamp
    kind: str
    item_id: str
    position: int
    value: float
    def __init__(self, event_id: _Optional[str] = ..., event_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., kind: _Optional[str] = ..., item_id: _Optional[str] = ..., position: _Optional[int] = ..., value: _Optional[float] = ...) -> None: ...

class FeedbackResponse(_message.Message):
    __slots__ = ("offset", "accepted", "duplicates")
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    DUPLICATES_FIELD_NUMBER: _ClassVar[int]
    offset: int
    accepted: int
    duplicates: int
    def __init__(self, offset: _Optional[int] = ..., accepted: _Optional[int] = ..., duplicates: _Optional[int] = ...) -> None: ...
