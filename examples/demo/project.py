"""A project of one's own: index what was imported, learn what can be learnt, serve, ask a few things."""

from __future__ import annotations

import shlex
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from examples.demo.answer import Answer, look_up, show_answer
from examples.demo.evaluation import show_evaluation
from examples.demo.reasons import Phrasebook
from examples.demo.stages import compile_kernels, stage, tell
from predictor import Query
from recall import refresh_workspace
from recall.indexes.documents import read_table
from searchrank.errors import NotFoundError
from searchrank.events import EventLog
from searchrank.features import FeatureSet, InputType
from searchrank.features.text import tokenize
from searchrank.project import Project
from searchrank.workspace import Workspace
from trainer import Job
from trainer.publishing import publish

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["ProjectDemo", "existing"]

_SHOWN: Final = 10
_NEAR_KM: Final = 2
_MOST_TITLES: Final = 50_000
_BRANCHES: Final = {"lexical": "your words", "item_to_item": "chosen with what you chose", "popular": "popular"}
_NOT_SAID: Final = frozenset({"search", "impression"})


@contextmanager
def existing(home: Path) -> Iterator[Workspace]:
    """Give a workspace that somebody filled; nothing in it is removed.

    Raises:
        NotFoundError: When it holds no project or no items.
    """
    workspace = Workspace(home).require()
    if not workspace.items.is_file():
        raise NotFoundError(f"no items in {workspace.items}; import some: searchrank import table --home {home} …")
    workspace.events.mkdir(exist_ok=True)
    yield workspace


class ProjectDemo:
    """Whatever a workspace holds; what it can do depends on what was imported."""

    book = Phrasebook(branches=_BRANCHES, phrases=())

    def learn(self, workspace: Workspace, *, on_stderr: bool) -> dict[str, Any]:
        """Index the workspace, train each of its models and make it live, show how good they are, return the figures.

        Raises:
            SearchRankError: When a definition is wrong, there is too little to learn from, or a file is held.
        """
        with stage("snapshot and recall indexes") as begin:
            compile_kernels(begin)
            told = begin("indexing")
            made = refresh_workspace(workspace, progress=lambda done, of, _what: told(done, of))
        figures: dict[str, Any] = {"items": made.items, "users": made.users, "events": made.events}
        for name in Project.load(workspace).models:
            with stage(f"training, evaluation, registration, promotion of {name}") as begin:
                job = Job.open(workspace, name)
                trial, _ = publish(job, workspace.tracking_uri, promote_it=True, progress=begin)
            show_evaluation(trial, on_stderr=on_stderr)
            figures[name] = {**trial.evaluation.figures(), "release": str(trial.folder)}
        if not made.events:
            tell("there are no events: lists are the order of recall and of the weights, the same for everybody")
        return figures

    def questions(self, workspace: Workspace) -> list[Query]:
        """Return what somebody might ask: a word, something for them, something near."""
        surface = next(iter(Project.load(workspace).surfaces))
        user = _busiest(workspace)
        word, place = _common_word(workspace), _a_place(workspace)
        asked = [Query(surface=surface, user_id=user, text=word, limit=_SHOWN)] if word else []
        if user:
            asked.append(Query(surface=surface, user_id=user, limit=_SHOWN))
        if place is not None and (user or word):
            point, name = place
            text = "" if user else word
            near = f"haversine_km(request.location, {name}) < {_NEAR_KM}"
            context = {"request.location": point}
            asked.append(Query(surface=surface, user_id=user, text=text, context=context, filter=near, limit=_SHOWN))
        return asked

    def show(self, workspace: Workspace, query: Query, answer: Answer, *, on_stderr: bool) -> None:
        """Print the ranked items."""
        title = Project.load(workspace).surface(query.surface).title
        table = read_table(workspace.items, "items")
        known = [title] if title in table.column_names else []
        facts = look_up(workspace, answer.ids, known)
        names = [str(row[0]) if known else "" for row in facts]
        cells = {"item": [name or item for name, item in zip(names or answer.ids, answer.ids, strict=True)]}
        who = query.user_id or "somebody"
        what = f"types “{query.text}”" if query.text else "asks for something"
        where = f", only where {query.filter}" if query.filter else ""
        show_answer(f"{who} {what}{where}", answer, cells, on_stderr=on_stderr)

    def next_steps(self, home: str, query: Query) -> list[tuple[str, str]]:
        """Return commands to go on with, and what each does."""
        search = ["searchrank", "search", *([query.text] if query.text else [])]
        search += ["--user", query.user_id] if query.user_id else []
        search += ["--filter", query.filter] if query.filter else []
        search += [
            f"--context={name}={list(value)}" for name, value in query.context.items() if isinstance(value, tuple)
        ]
        return [
            ("ask it", f"{shlex.join(search)} --home {home}"),
            ("change what it looks at", f"edit {home}/features.yaml, and the model's inputs in {home}/project.yaml"),
            ("learn anew and go live", f"searchrank train --promote --home {home}"),
            ("after new inputs or imports, before that", f"searchrank refresh --home {home}"),
        ]


def _busiest(workspace: Workspace) -> str:
    """Return the user with most events, of equals the first by name; empty when there is none."""
    counts: Counter[str] = Counter()
    for batch in EventLog.open(workspace.events).read(columns=["kind", "user_id"]):
        acted = pc.invert(pc.is_in(batch.column("kind"), pa.array(sorted(_NOT_SAID))))
        for entry in pc.value_counts(batch.column("user_id").filter(acted).drop_null()).to_pylist():
            counts[entry["values"]] += entry["counts"]
    return min(counts, key=lambda user: (-counts[user], user), default="")


def _common_word(workspace: Workspace) -> str:
    """Return a word that several items have in a text that is searched, or that their lists hold; empty without one."""
    project = Project.load(workspace)
    fields = next(iter(project.surfaces.values())).recall.get("lexical", {}).get("fields", {})
    table = read_table(workspace.items, "items")
    counts: Counter[str] = Counter()
    for name in (field for field in fields if field in table.column_names):
        for text in table.column(name).slice(0, _MOST_TITLES).to_pylist():
            words = " ".join(text) if isinstance(text, list) else text or ""
            counts.update({word for word in tokenize(words) if len(word) > 3 and word.isalpha()})
    fitting = [word for word, count in counts.items() if 2 <= count <= max(2, len(table) // 4)]
    return min(fitting, key=lambda word: (-counts[word], word), default="")


def _a_place(workspace: Workspace) -> tuple[tuple[float, float], str] | None:
    """Return where most items are near, about, and the input that says where items are; None without places."""
    inputs = FeatureSet.load(workspace.features).inputs
    table = read_table(workspace.items, "items")
    named = [n for n, i in inputs.items() if i.type is InputType.POINT and n in table.column_names]
    if not named or "request.location" not in inputs:
        return None
    known = table.column(named[0]).drop_null()
    points = pc.list_flatten(known).to_numpy().astype(np.float64).reshape(-1, 2)
    points = points[np.isfinite(points).all(axis=1)]
    if not len(points):
        return None
    cells, inverse = np.unique(np.floor(points * 20), axis=0, return_inverse=True)
    dense = points[inverse.reshape(-1) == np.bincount(inverse.reshape(-1), minlength=len(cells)).argmax()]
    latitude, longitude = np.median(dense, axis=0).round(4).tolist()
    return (latitude, longitude), named[0]
