"""A person is forgotten: every place of a workspace that holds users, one function each."""

from __future__ import annotations

import os
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from recall.indexes.documents import read_table
from recall.indexes.draft import remove_drafts
from recall.indexes.refresh import refresh_lock
from recall.indexes.retention import made_snapshots
from searchrank.errors import ConfigError, ConflictError
from searchrank.events import EventLog
from searchrank.features.text import hash_text, hash_texts
from searchrank.serving_log import forget_answers

if TYPE_CHECKING:
    from pathlib import Path

    from searchrank.workspace import Workspace

__all__ = ["ForgottenUser", "forget_user"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgottenUser:
    """What was found of a person and taken out.

    Attributes:
        events: Events of the log that named them.
        profiles: Rows of the user profiles.
        answers: Answers of the serving log.
        linked: Other ids that links said were theirs; nothing under those was touched.
        snapshots: Snapshots made before, which know the person until they are replaced and removed; empty when nothing
            was found.
        repaired: Bytes of an unfinished append that were cut off the log.
    """

    events: int
    profiles: int
    answers: int
    linked: tuple[str, ...]
    snapshots: tuple[str, ...]
    repaired: int


def forget_user(workspace: Workspace, user_id: str) -> ForgottenUser:
    """Take a person out of every place that holds users; see ``EventLog.forget`` for the log.

    Each place can be done again, so after a crash the same call does the rest. What a snapshot holds goes with the next
    refresh and with its removal.

    Args:
        workspace: Nobody may be writing its log: the service is stopped.
        user_id: Who.

    Raises:
        ConfigError: When the id is empty.
        NotFoundError: When the workspace has no event log.
        ConflictError: When the service runs or a snapshot is being made.
        DataError: When a file is damaged.
    """
    user = unicodedata.normalize("NFC", user_id)
    if not user:
        raise ConfigError("the id is empty; say who is to be forgotten", field="user")
    EventLog.open(workspace.events)
    lock = refresh_lock(workspace)
    try:
        with _opened(workspace) as log:
            remove_drafts(workspace)
            profiles = _forget_profile(workspace.users, user)
            answers = forget_answers(workspace.serving, user)
            found = log.forget(user)
            repaired = log.repaired
    finally:
        lock.release()
    known = bool(found.events or profiles or answers)
    return ForgottenUser(
        events=found.events,
        profiles=profiles,
        answers=answers,
        linked=found.linked,
        snapshots=tuple(folder.name for _, folder in made_snapshots(workspace.snapshots)) if known else (),
        repaired=repaired,
    )


def _opened(workspace: Workspace) -> EventLog:
    """Open the log for writing.

    Raises:
        ConflictError: When somebody else writes it.
    """
    try:
        return EventLog.open(
            workspace.events, writable=True, instead="a person is being forgotten; wait until it is done"
        )
    except ConflictError as error:
        raise ConflictError(
            "forgetting rewrites the event log, which the service or another program is writing: "
            "stop it, forget, and start it again"
        ) from error


def _forget_profile(path: Path, user: str) -> int:
    """Remove a row of the user profiles, by a rename; return how many there were."""
    if not path.is_file():
        return 0
    table = read_table(path, "users")
    if "user_id" not in table.column_names:
        return 0
    ids = table.column("user_id").cast(pa.string()).fill_null("")
    kept = hash_texts(ids.to_pylist()) != hash_text(user)
    if kept.all():
        return 0
    draft = path.with_suffix(".draft")
    with draft.open("wb") as file:
        with pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table.take(pa.array(np.flatnonzero(kept))).combine_chunks())
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    return int((~kept).sum())
