"""The report on shadow releases, as a table."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from searchrank.models.agreement import PERSISTENCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from searchrank.models.shadowed import Shadowed

__all__ = ["COLUMNS", "HOW", "cells", "facts"]

COLUMNS = ("surface", "live", "shadow", "answers", "changed", "RBO", "overlap@10", "first change", "left out")
HOW = (
    f"RBO: rank-biased overlap, extrapolated, p = {PERSISTENCE}, with its 95 % interval; 1: the same lists. "
    "overlap@10: share of the first ten places that both fill. first change: median place among changed lists."
)


def facts(pair: Shadowed) -> dict[str, Any]:
    """Return what is known of a surface's live release and its shadow; figures of nothing are NaN."""
    names = ("model", "version", "digest")
    span = {"since": pair.since, "until": pair.until}
    return {
        "surface": pair.surface,
        "live": dict(zip(names, pair.live, strict=True)),
        "shadow": dict(zip(names, pair.shadow, strict=True)),
        "answers": pair.agreement.lists,
        "p": PERSISTENCE,
        **pair.agreement.figures(),
        "left_out": pair.agreement.left_out,
        "problem": pair.problem,
        **{name: datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds") for name, moment in span.items()},
    }


def cells(pair: Shadowed) -> Sequence[str]:
    """Return the row of a pair."""
    figures = pair.agreement.figures()
    names = [f"{name} {version}" for name, version, _ in (pair.live, pair.shadow)]
    width = figures["rbo_interval"]
    alike = _shown(figures["rbo"], ".3f") + (f" ± {width:.3f}" if math.isfinite(width) else "")
    left_out = ", ".join(f"{count:,} {reason}" for reason, count in sorted(pair.agreement.left_out.items()))
    return [
        pair.surface,
        *names,
        f"{pair.agreement.lists:,}",
        _shown(figures["changed"], ".1%"),
        alike,
        _shown(figures["overlap_10"], ".3f"),
        _shown(figures["first_change"], ".0f"),
        left_out or "-",
    ]


def _shown(value: float, form: str) -> str:
    return format(value, form) if math.isfinite(value) else "-"
