"""Pieces of a self-contained HTML page: tables whose cells hold numbers, intervals and bars drawn in place as SVG.

A plot that stands in the row it belongs to needs no axis of names, so that a few lines of SVG say more than a picture.
"""

from __future__ import annotations

import html
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

__all__ = ["Cell", "bar", "curve", "histogram", "interval", "number", "page", "signed", "table"]

_WIDTH: Final = 220
_STYLE: Final = """
:root { color-scheme: light dark; --ink: #1c2330; --soft: #6b7485; --line: #dfe3ea; --good: #1f7a4d; --bad: #b3362b;
  --mark: #2f5fb3; --ground: #ffffff; --band: #f5f7fa }
@media (prefers-color-scheme: dark) { :root { --ink: #e7eaf0; --soft: #99a2b3; --line: #343b48; --good: #5cc48f;
  --bad: #ef8b80; --mark: #86aef2; --ground: #171b22; --band: #1f242d } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--ground); max-width: 72rem;
  margin: 2.5rem auto; padding: 0 1.5rem }
h1 { font-size: 1.7rem; margin: 0 }
h2 { font-size: 1.15rem; margin: 2.4rem 0 .4rem }
p { margin: .3rem 0; max-width: 52rem }
.soft { color: var(--soft) }
.bad { color: var(--bad) }
.good { color: var(--good) }
.scroll { overflow-x: auto }
table { border-collapse: collapse; margin: .8rem 0; font-variant-numeric: tabular-nums }
th, td { padding: .28rem .7rem; text-align: right; border-bottom: 1px solid var(--line); vertical-align: top }
th { color: var(--soft); font-weight: 600; font-size: .85rem }
th:first-child, td:first-child, .left { text-align: left }
tbody tr:hover { background: var(--band) }
svg { display: block }
.zero { stroke: var(--line); stroke-width: 1 }
.good .mark { stroke: var(--good); fill: var(--good) }
.bad .mark { stroke: var(--bad); fill: var(--bad) }
.even .mark { stroke: var(--soft); fill: var(--soft) }
rect { fill: var(--mark) }
polyline { fill: none; stroke: var(--mark); stroke-width: 2 }
text { fill: var(--soft); font-size: 11px }
"""


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell that is HTML already.

    Attributes:
        content: The HTML.
        left: Whether it is set to the left, as texts are.
    """

    content: str
    left: bool = False


def page(title: str, parts: Sequence[str]) -> str:
    """Return a whole page that loads nothing from anywhere."""
    name = html.escape(title)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{name}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>\n'
        f"<body>\n<h1>{name}</h1>\n{chr(10).join(parts)}\n</body></html>\n"
    )


def table(columns: Sequence[str], rows: Sequence[Sequence[Cell | str | float]]) -> str:
    """Return a table; texts are escaped, numbers have four decimals."""
    left = [isinstance(one, Cell) and one.left for one in rows[0]] if rows else [False] * len(columns)
    head = "".join(
        f"<th{' class=left' if is_left else ''}>{html.escape(name)}</th>"
        for name, is_left in zip(columns, left, strict=True)
    )
    body = "\n".join(f"<tr>{''.join(_cell(one) for one in row)}</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table></div>'


def _cell(one: Cell | str | float) -> str:
    if isinstance(one, Cell):
        return f"<td{' class=left' if one.left else ''}>{one.content}</td>"
    return f"<td>{html.escape(one) if isinstance(one, str) else number(one)}</td>"


def number(value: float, decimals: int = 4) -> str:
    """Return a number in text; a dash when it is none."""
    return f"{value:.{decimals}f}" if math.isfinite(value) else "-"


def signed(value: float) -> str:
    """Return a difference in text."""
    return f"{value:+.4f}" if math.isfinite(value) else "-"


def interval(low: float, middle: float, high: float, reach: float) -> Cell:
    """Draw an interval on a line from -reach to reach, with 0 in the middle; green above 0, red below."""
    if not all(map(math.isfinite, (low, middle, high))) or reach <= 0:
        return Cell("")
    a, b, c = (_WIDTH / 2 * (1 + max(-1.0, min(1.0, value / reach))) for value in (low, middle, high))
    kind = "good" if low > 0 else "bad" if high < 0 else "even"
    label = html.escape(f"{middle:+.4f}, {low:+.4f} to {high:+.4f}")
    return Cell(
        f'<svg class="{kind}" width="{_WIDTH}" height="16" role="img" aria-label="{label}"><title>{label}</title>'
        f'<line class="zero" x1="{_WIDTH / 2}" x2="{_WIDTH / 2}" y1="0" y2="16"/>'
        f'<line class="mark" x1="{a:.1f}" x2="{c:.1f}" y1="8" y2="8" stroke-width="2"/>'
        f'<circle class="mark" cx="{b:.1f}" cy="8" r="4"/></svg>'
    )


def bar(value: float, most: float, text: str) -> Cell:
    """Draw a bar as long as its share of the most, with its text behind it; nothing for what is not above 0."""
    share = value / most if math.isfinite(value) and most > 0 else 0.0
    length = max(0.0, min(1.0, share)) * 120
    told = html.escape(text)
    return Cell(
        f'<svg width="190" height="16" role="img" aria-label="{told}">'
        f'<rect x="0" y="3" width="{length:.1f}" height="10" rx="2"/>'
        f'<text x="{length + 6:.1f}" y="12">{told}</text></svg>',
        left=True,
    )


def histogram(values: npt.NDArray[np.float64], label: str, bins: int = 41) -> str:
    """Draw how values from -1 to 1 lie; those of exactly 0 are left out and told in the label."""
    counts = np.histogram(values[values != 0], bins=bins, range=(-1.0, 1.0))[0]
    if not counts.sum():
        return ""
    step, tall = 14, 110
    bars = "".join(
        f'<rect x="{k * step}" y="{tall - h:.1f}" width="{step - 2}" height="{h:.1f}"><title>{count}</title></rect>'
        for k, count in enumerate(counts.tolist())
        if (h := tall * count / counts.max())
    )
    width = bins * step
    marks = "".join(
        f'<text x="{x}" y="{tall + 14}" text-anchor="{anchor}">{text}</text>'
        for x, anchor, text in ((0, "start", "-1"), (width / 2, "middle", "0"), (width, "end", "+1"))
    )
    told = html.escape(label)
    return f'<svg width="{width}" height="{tall + 20}" role="img" aria-label="{told}">{bars}{marks}</svg>'


def curve(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], label: str) -> str:
    """Draw points of the unit square joined by lines, beside the diagonal."""
    side, reach = 220, float(max(x.max(), y.max(), 1e-9))
    points = " ".join(f"{side * a / reach:.1f},{side * (1 - b / reach):.1f}" for a, b in zip(x, y, strict=True))
    return (
        f'<svg width="{side + 10}" height="{side + 10}" role="img" aria-label="{html.escape(label)}">'
        f'<line class="zero" x1="0" y1="{side}" x2="{side}" y2="0"/><polyline points="{points}"/></svg>'
    )
