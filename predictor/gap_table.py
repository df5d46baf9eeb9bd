"""A comparison for people and for machines: a table by what each feature adds to the gap, and JSON."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from predictor.comparison import ABOVE, BOTH
from predictor.showing import number, shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from predictor.comparison import Comparison, Flip

__all__ = ["comparison_json", "show_comparison"]

_SHOWN: Final = 20


def comparison_json(comparison: Comparison, columns: Sequence[str], ids: Sequence[str]) -> dict[str, Any]:
    """Return a comparison for machines; ``ids`` are those of the item above and the one below."""
    return {
        "above": ids[0],
        "below": ids[1],
        "gap": number(comparison.gap),
        "contributions": dict(zip(columns, comparison.contributions.tolist(), strict=False)),
        "flips": [
            {
                "feature": one.feature,
                "of": "request" if one.whose == BOTH else ids[one.whose != ABOVE],
                "from": number(one.before),
                "to": one.after,
                "is_code": one.is_code,
            }
            for one in comparison.flips
        ],
    }


def show_comparison(
    comparison: Comparison, columns: Mapping[str, str], values: Sequence[Sequence[float]], ids: Sequence[str]
) -> None:
    """Print what made the gap.

    Args:
        comparison: Of the items.
        columns: Feature of each model column by its name, in order.
        values: What the model read of the item above, and of the one below.
        ids: Of the item above, and of the one below.
    """
    from rich.console import Console  # noqa: PLC0415 - a verb imports what it runs
    from rich.markup import escape  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    console = Console()
    if math.isnan(comparison.gap):
        console.print("there is no gap to explain: one of them was not scored")
        return
    console.print(escape(f"{ids[0]} scores {comparison.gap:.6g} more than {ids[1]}"), highlight=False)
    if not len(comparison.contributions):
        console.print("this kind of model tells nothing but its score")
        return
    flips = {flip.feature: flip for flip in comparison.flips}
    table = Table("column", escape(ids[0]), escape(ids[1]), "adds to the gap", "would turn the order around")
    rows = sorted(zip(columns, comparison.contributions.tolist(), *values, strict=True), key=lambda row: -abs(row[1]))
    told = [row for row in rows if row[1] or columns[row[0]] in flips][:_SHOWN]
    for name, adds, first, second in told:
        turn = _turn(flips.get(columns[name]), ids)
        table.add_row(escape(name), shown(first), shown(second), f"{adds:+.4g}", escape(turn))
    console.print(table)
    rest = sum(adds for name, adds, *_ in rows) - sum(adds for name, adds, *_ in told)
    if len(rows) > len(told):
        console.print(f"{len(rows) - len(told)} further columns add {rest:+.4g}", highlight=False)
    console.print(escape(_words(comparison, ids)), highlight=False)


def _turn(flip: Flip | None, ids: Sequence[str]) -> str:
    if flip is None:
        return "no value"
    whose = "of the request" if flip.whose == BOTH else ids[flip.whose != ABOVE]
    code = "category " if flip.is_code else ""
    return f"{whose}: {shown(flip.before)} → {code}{_exact(flip)}"


def _exact(flip: Flip) -> str:
    """Return the value with as many digits as tell it from the present one and from its neighbours."""
    return shown(flip.after) if shown(flip.after) != shown(flip.before) else repr(flip.after)


def _words(comparison: Comparison, ids: Sequence[str]) -> str:
    if not comparison.flips:
        return "no change of one feature alone turns them around"
    flip = comparison.flips[0]
    return f"the smallest change that turns them around: {flip.feature} {_turn(flip, ids)}"
