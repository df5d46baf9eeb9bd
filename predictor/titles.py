"""Names of items for people: read from the raw catalogue of a workspace when there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from searchrank.errors import NotFoundError
from searchrank.project import Project
from searchrank.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["titles"]


def titles(home: Path, surface: str, ids: Sequence[str]) -> list[str]:
    """Return the title of each item, empty where the workspace does not tell."""
    import pyarrow as pa  # noqa: PLC0415 - only when there is something to show
    import pyarrow.compute as pc  # noqa: PLC0415

    workspace = Workspace(home)
    try:
        column = Project.load(workspace).surface(surface).title
    except NotFoundError:
        return [""] * len(ids)
    if not workspace.items.is_file():
        return [""] * len(ids)
    with pa.memory_map(str(workspace.items)) as source:
        table = pa.ipc.open_file(source).read_all()
        if column not in table.column_names:
            return [""] * len(ids)
        keys = table.column("item_id").cast(pa.string())
        rows = table.filter(pc.is_in(keys, pa.array(list(ids), pa.string())))
        pairs = zip(rows.column("item_id").cast(pa.string()).to_pylist(), rows.column(column).to_pylist(), strict=True)
        known = dict(pairs)
    return [known.get(item) or "" for item in ids]
