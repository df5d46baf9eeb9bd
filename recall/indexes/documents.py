"""The raw items and users as they are now: the files of a workspace, and over them what its log puts and deletes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from searchrank.errors import DataError, NotFoundError
from searchrank.events import DELETE_ITEM, DELETE_USER, PUT_ITEM, PUT_USER
from searchrank.features import Encoder
from searchrank.features.catalogue import stored_inputs
from searchrank.features.inputs import Root
from searchrank.features.text import hash_texts, tokenize
from searchrank.state import encoded

if TYPE_CHECKING:
    from pathlib import Path

    from searchrank.events import EventLog
    from searchrank.features import FeatureSet
    from searchrank.workspace import Workspace

__all__ = ["Tables", "folded", "read_table", "read_tables"]

Ints = npt.NDArray[np.int64]

_KINDS: Final = {Root.ITEM: (PUT_ITEM, DELETE_ITEM), Root.USER: (PUT_USER, DELETE_USER)}


@dataclass(frozen=True, slots=True)
class Tables:
    """Raw documents, one row each.

    Attributes:
        items: ``item_id`` and the columns of items.
        users: ``user_id`` and the columns of users; None when there never was one.
    """

    items: pa.Table
    users: pa.Table | None


def read_tables(workspace: Workspace, features: FeatureSet, log: EventLog, end: int) -> Tables:
    """Return the documents as they were at an offset of the log.

    What the log says of an item or a user stands above the files.

    Args:
        workspace: Holds the files; that of items may be absent when the log has put some, that of users anyway.
        features: Declares the inputs.
        log: Holds the changes.
        end: Events from this offset on are not looked at.

    Raises:
        NotFoundError: When there are no items at all.
        DataError: When a file is not what it must be.
    """
    there = workspace.users.is_file()
    users = folded(
        read_table(workspace.users, "users") if there else _empty(Root.USER), Root.USER, features, (log, end)
    )
    if workspace.items.is_file():
        items = folded(read_table(workspace.items, "items"), Root.ITEM, features, (log, end))
    else:
        items = folded(_empty(Root.ITEM), Root.ITEM, features, (log, end))
        if not len(items):
            read_table(workspace.items, "items")
    return Tables(items, users if there or len(users) else None)


def read_table(path: Path, what: str) -> pa.Table:
    """Map a raw table of a workspace; ``what`` names its rows.

    Raises:
        NotFoundError: When there is no such file.
        DataError: When it is no Arrow IPC file.
    """
    if not path.is_file():
        raise NotFoundError(
            f"no {what} in {path}; write them there (Arrow IPC, one row each), or run 'searchrank demo'"
        )
    try:
        with pa.memory_map(str(path)) as source:
            return pa.ipc.open_file(source).read_all()
    except pa.ArrowInvalid as error:
        raise DataError(f"{path} is not an Arrow IPC file: {error}") from error


def _empty(root: Root) -> pa.Table:
    return pa.table({f"{root}_id": pa.array([], pa.string())})


def folded(base: pa.Table, root: Root, features: FeatureSet, until: tuple[EventLog, int]) -> pa.Table:
    """Return documents after the changes of a log: the untouched ones in their order, then those put, by offset.

    A document that does not fit what is declared is passed over with a warning: what was there stays.

    Args:
        base: The documents before.
        root: Items or users.
        features: Declares the inputs.
        until: The log, and the offset before which its events count.

    Raises:
        DataError: When the base has no id column, or a column that cannot take what was put.
    """
    changes, offsets = _changes(root, features, *until)
    if not len(changes):
        return base
    column = f"{root}_id"
    if column not in base.column_names:
        raise DataError(f"the table has no such column, only {base.column_names[:10]}", field=column)
    changes = _last(changes, _fitting(changes, offsets, root, features), column)
    ids = base.column(column).cast(pa.string())
    touched = np.isin(hash_texts(ids.to_pylist()), hash_texts(changes.column(column).to_pylist()))
    put = changes.filter(pc.equal(changes.column("kind"), _KINDS[root][0])).drop_columns(["kind"])
    kept = base.set_column(base.column_names.index(column), column, ids).filter(pa.array(~touched))
    return _stacked(kept, put)


def _changes(root: Root, features: FeatureSet, log: EventLog, end: int) -> tuple[pa.Table, Ints]:
    """Return the changes in log order, and the offset of each."""
    inputs = [item.name for item in stored_inputs(features, root) if item.name in log.schema.names]
    columns = ["kind", f"{root}_id", *inputs]
    kinds, parts, offsets, offset = pa.array(_KINDS[root]), [], [np.empty(0, np.int64)], 0
    for batch in log.read(0, columns, end=end):
        told = pc.and_(pc.is_in(batch.column("kind"), kinds), pc.is_valid(batch.column(f"{root}_id")))
        rows = np.flatnonzero(told.to_numpy(zero_copy_only=False))
        if len(rows):
            parts.append(batch.take(pa.array(rows)))
            offsets.append(offset + rows)
        offset += batch.num_rows
    schema = pa.schema([log.schema.field(name) for name in columns])
    return pa.Table.from_batches(parts, schema).combine_chunks(), np.concatenate(offsets)


def _fitting(changes: pa.Table, offsets: Ints, root: Root, features: FeatureSet) -> Ints:
    """Return the rows that delete, or put what is declared."""
    is_put = pc.equal(changes.column("kind"), _KINDS[root][0]).to_numpy()
    puts = np.flatnonzero(is_put)
    documents = changes.take(pa.array(puts)).combine_chunks().to_batches()
    good = [puts[:0]]
    if documents:
        _, fits = encoded(Encoder(stored_inputs(features, root)), documents[0], offsets[puts])
        good.append(puts[fits])
    return np.sort(np.concatenate([*good, np.flatnonzero(~is_put)]))


def _last(changes: pa.Table, rows: Ints, column: str) -> pa.Table:
    """Return of these rows the last one of each id, in order."""
    changes = changes.take(pa.array(rows))
    hashes = hash_texts(changes.column(column).to_pylist())
    _, last = np.unique(hashes[::-1], return_index=True)
    return changes.take(pa.array(np.sort(len(hashes) - 1 - last)))


def _stacked(kept: pa.Table, put: pa.Table) -> pa.Table:
    """Return two tables one below the other; columns that one lacks are null there.

    Raises:
        DataError: When a column of the first cannot take the values of the second.
    """
    for name in (name for name in put.column_names if name in kept.column_names):
        there, given = kept.schema.field(name).type, put.column(name)
        try:
            same = _as_lists(given) if pa.types.is_list(there) and pa.types.is_string(given.type) else given
            kept = kept.set_column(kept.column_names.index(name), name, kept.column(name).cast(same.type))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise DataError(f"the file holds {there}, the log {given.type}: {error}", field=name) from error
        put = put.set_column(put.column_names.index(name), name, same)
    return pa.concat_tables([kept, put], promote_options="default")


def _as_lists(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return texts cut into tokens, as files may hold them."""
    cut = [None if text is None else tokenize(text) for text in texts.to_pylist()]
    return pa.chunked_array([pa.array(cut, pa.list_(pa.string()))])
