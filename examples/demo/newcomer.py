"""The city's visitor whose one click is shown: somebody who has clicked nothing yet, or least of all.

Such a person's list says most about a click: there is no other click to explain what comes with it. Who has clicked
often has long taught the model what they like, and one click more moves little.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from examples.city.words import VAGUE
from examples.demo.answer import WIDTH, look_up
from examples.demo.click import Visit, moves, risen
from predictor import Query
from searchrank.events import EventLog
from trainer.console import say

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from examples.demo.click import Effect, Move
    from searchrank.workspace import Workspace

__all__ = ["newcomer", "show_effect"]

_WORDS: Final = VAGUE[0][0]  # names no kind of place, so that a click can say which kind is wanted
_POSITION: Final = 2  # the third place: seen by most, and there is room above it
_RANKED: Final = 200  # all candidates, so that where something stood is known however low that was
_PAGE: Final = 20
_SHOWN: Final = 10


def newcomer(workspace: Workspace, other: Query, time: datetime) -> Visit:
    """Return the visit: who has the fewest clicks, at home, types what names no kind of place and clicks the third.

    Args:
        workspace: The city.
        other: Asked by somebody else, who types the same and does not click.
        time: The moment of all searches.
    """
    with pa.memory_map(str(workspace.users)) as source:
        people = pa.ipc.open_file(source).read_all().select(["user_id", "user.home"])
    clicks = _clicks(workspace)
    users = people.column("user_id").to_pylist()
    row = min(range(len(users)), key=lambda row: clicks.get(users[row], 0))
    query = replace(
        other,
        user_id=users[row],
        text=_WORDS,
        time=time,
        context={"request.location": tuple(people.column("user.home")[row].as_py())},
        limit=_RANKED,
    )
    return Visit(query=query, control=replace(other, text=_WORDS, time=time, limit=_RANKED), position=_POSITION)


def _clicks(workspace: Workspace) -> dict[str, int]:
    """Return how often each user clicked; who never did is not there."""
    table = pa.Table.from_batches(EventLog.open(workspace.events).read(columns=["kind", "user_id"]))
    users = table.filter(pc.equal(table.column("kind"), "click")).column("user_id").combine_chunks()
    return {entry["values"]: entry["counts"] for entry in pc.value_counts(users).to_pylist()}


def show_effect(workspace: Workspace, visit: Visit, effect: Effect, *, on_stderr: bool) -> int:
    """Print the lists before and after the click side by side, and why what moved; return how many neighbours rose.

    Neighbours are places that the people who chose the clicked one chose as well, and places of its category.
    """
    ids = list(dict.fromkeys([*effect.before.ids[:_PAGE], *effect.after.ids[:_PAGE], effect.clicked]))
    facts = look_up(workspace, ids, ("item.title", "item.category"))
    titles = {item: str(title) for item, (title, _) in zip(ids, facts, strict=True)}
    category = {item: str(kind) for item, (_, kind) in zip(ids, facts, strict=True)}
    page = moves(effect, category, _PAGE)
    rose = risen(page, effect.clicked)
    console = Console(stderr=on_stderr, highlight=False)
    if not console.is_terminal:
        console.width = WIDTH
    had = _clicks(workspace).get(visit.query.user_id, 0) - 1
    habit = f"has clicked {had} times, the fewest of all" if had > 0 else "has clicked nothing yet"
    title = titles[effect.clicked]
    words = f"{visit.query.user_id}, who {habit}, types “{visit.query.text}” and clicks “{title}”"
    console.print(f"\n{escape(words)}")
    console.print(_table(effect, page, titles, category))
    worker = "another worker" if effect.another else "the worker"
    say(f"{worker} knew of the click after {effect.visible_ms:.0f} ms", on_stderr=on_stderr)
    say(f"{len(rose)} neighbours of the clicked place stand higher among the first {_PAGE}", on_stderr=on_stderr)
    same = "the same items and scores" if effect.control_identical else "NOT the same items and scores"
    who = f"{visit.control.user_id}, who typed the same and did not click"
    say(f"{who}: {same} from every worker asked, before and after", on_stderr=on_stderr)
    return len(rose)


def _table(effect: Effect, page: Sequence[Move], titles: dict[str, str], category: dict[str, str]) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1))
    after = "after, by another worker" if effect.another else "after"
    for name, side in (("", "right"), ("before the click", "left"), (after, "left"), ("was", "right")):
        table.add_column(name, justify=side, no_wrap=True, overflow="ellipsis", max_width=36)  # type: ignore[arg-type]
    table.add_column("score +", justify="right")
    table.add_column("why", overflow="fold", min_width=24)
    for place, (item, move) in enumerate(zip(effect.before.ids, page[:_SHOWN], strict=False), start=1):
        was = "new" if move.was is None else str(move.was + 1)
        gain = f"{move.gain:.2f}" if move.was is not None else ""
        names = (f"{titles[one]}{' ←' if one == effect.clicked else ''}" for one in (item, move.item))
        table.add_row(str(place), *map(escape, names), was, gain, _why(move, effect.clicked, category))
    return table


def _why(move: Move, clicked: str, category: dict[str, str]) -> str:
    if move.item == clicked:
        return "clicked"
    if not move.rose:
        return ""
    tied = f"chosen by the same people (#{move.tie})" if move.tie else ""
    return ", ".join(filter(None, [tied, f"{category[clicked]} too" if move.alike else ""]))
