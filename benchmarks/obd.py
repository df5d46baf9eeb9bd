"""The value of one policy estimated from the other's log, beside what it earned itself, on the Open Bandit Dataset.

Two policies showed fashion items at three places: at random, and by Thompson sampling (``bts``), which learnt during
the week. The random one's probabilities are known. Of the other, each row says its own probability at that moment; what
it would have shown instead of a row of the random log is taken as its mean over the week: how often it showed each item
at each place. Clicks are guessed, for the doubly robust estimate, by an item's clicks at a place in the other half of
the log, drawn towards the mean. A log too unlike a policy is refused; the refusal is printed.
"""

from __future__ import annotations

import argparse
import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from searchrank.errors import DataError
from trainer.evaluation import Guess, Interval, bootstrap, off_policy

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

POLICIES: Final = ("random", "bts")
_PLACES: Final = 3
_DRAWN: Final = 100.0  # views that the mean counts for in a guess


@dataclass(frozen=True, slots=True, eq=False)
class Log:
    """What a policy showed.

    Attributes:
        cells: (n,) item times three plus place.
        clicks: (n,) 0 or 1.
        propensity: (n,) probability of the item at the place.
        size: Number of cells.
    """

    cells: Ints
    clicks: Floats
    propensity: Floats
    size: int

    @classmethod
    def read(cls, folder: Path, policy: str, campaign: str) -> Log:
        """Read one file of the data set."""
        with (folder / policy / campaign / f"{campaign}.csv").open(newline="", encoding="utf-8") as file:
            rows = [(r["item_id"], r["position"], r["click"], r["propensity_score"]) for r in csv.DictReader(file)]
        items, places, clicks, propensity = (np.array(column, np.float64) for column in zip(*rows, strict=True))
        cells = (items * _PLACES + places - 1).astype(np.int64)
        return cls(cells, clicks, propensity, int(items.max() + 1) * _PLACES)

    @property
    def shares(self) -> Floats:
        """How often each item was shown at its place, shape (size,)."""
        counts = np.bincount(self.cells, minlength=self.size).reshape(-1, _PLACES).astype(np.float64)
        return np.asarray(counts / counts.sum(0)).ravel()

    def guess(self, wanted: Floats) -> Guess:
        """Guess each row's click from the rows of the other parity."""
        taken, expected = np.empty(len(self.cells)), np.empty(len(self.cells))
        for half in (0, 1):
            here = np.arange(len(self.cells)) % 2 == half
            views = np.bincount(self.cells[~here], minlength=self.size)
            clicks = np.bincount(self.cells[~here], self.clicks[~here], self.size)
            rate = (clicks + _DRAWN * self.clicks[~here].mean()) / (views + _DRAWN)
            at_place = (wanted * rate).reshape(-1, _PLACES).sum(0)
            taken[here], expected[here] = rate[self.cells[here]], at_place[self.cells[here] % _PLACES]
        return Guess(taken, expected)


def main() -> None:
    """Estimate, print a table and, if asked, a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with random/ and bts/")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    options = parser.parse_args()
    found = {campaign: compare(options.data, campaign) for campaign in ("men", "women")}
    for campaign, policies in found.items():
        for policy, rows in policies.items():
            print(f"\n{campaign}: {policy}, clicks a view")
            for name, row in rows.items():
                print(f"  {name:10} {row if isinstance(row, str) else _text(row)}")
    if options.json:
        print(json.dumps(found))


def compare(folder: Path, campaign: str) -> dict[str, dict[str, list[float] | str]]:
    """Return for each policy its own value and the estimates of it: value, ends of the interval, effective samples."""
    logs = {policy: Log.read(folder, policy, campaign) for policy in POLICIES}
    found: dict[str, dict[str, list[float] | str]] = {}
    for policy, other in zip(POLICIES, reversed(POLICIES), strict=True):
        own: Interval = bootstrap(logs[policy].clicks)
        log = logs[other]
        wanted = np.full(log.size, _PLACES / log.size) if policy == "random" else logs[policy].shares
        rows: dict[str, list[float] | str] = {
            "on policy": [own.mean, own.low, own.high, float(len(logs[policy].clicks))],
            "its log": _row_of(logs[other].clicks),
        }
        try:
            estimates = off_policy(log.clicks, log.propensity, wanted[log.cells], log.guess(wanted))
            rows |= {name: [one.value, one.low, one.high, one.effective] for name, one in estimates.items()}
        except DataError as error:
            rows["refused"] = str(error)
        found[policy] = rows
    return found


def _row_of(clicks: Floats) -> list[float]:
    """Return the value that the log itself has: what a naive reading would take for the policy's."""
    interval = bootstrap(clicks)
    return [interval.mean, interval.low, interval.high, float(len(clicks))]


def _text(row: list[float]) -> str:
    """Return a line of the table."""
    return f"{row[0]:.4f}, 95 % interval {row[1]:.4f} to {row[2]:.4f}, worth {row[3]:,.0f} samples"


if __name__ == "__main__":
    main()
