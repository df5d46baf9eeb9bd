"""What became of random models: who scores them, and how many scores differ from LightGBM's in a bit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from forest_models import KINDS, Drawn, differing, differing_binned, differing_library
from rich.table import Table

from searchrank.models import Forest
from searchrank.models.library_forest import has_linear_trees

__all__ = ["Fuzz"]


@dataclass(slots=True)
class Fuzz:
    """Counts of models and of their raw scores, each scored from floats and with columns binned beforehand.

    Attributes:
        models: Number of them.
        native: Models that our engine scores.
        library: Models with linear trees, which LightGBM's C library scores.
        scores: Raw scores compared.
        differing: Scores that differ in a bit.
        kinds: Native models of each kind.
        wrong: Differing scores of each kind.
    """

    models: int = 0
    native: int = 0
    library: int = 0
    scores: int = 0
    differing: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)

    def add(self, drawn: Drawn) -> None:
        """Compare one model."""
        self.models += 1
        if has_linear_trees(drawn.text):
            self.library += 1
            self._compared(len(drawn.rows), differing_library(drawn), ())
            return
        forest = Forest.parse(drawn.text)
        self.native += 1
        self.kinds.update(drawn.kinds)
        scores = forest.classes * len(drawn.rows)
        self._compared(2 * scores, differing(drawn, forest) + differing_binned(drawn, forest), drawn.kinds)

    def _compared(self, scores: int, differing: int, kinds: Iterable[str]) -> None:
        self.scores += scores
        self.differing += differing
        self.wrong.update(dict.fromkeys(kinds, differing))

    def table(self) -> Table:
        """Return the counts for people."""
        title = f"{self.models:,} random models, {self.scores:,} raw scores from floats and from bins"
        shown = Table(title=title, title_justify="left")
        for heading in ("native models that have", "models", "differing bits"):
            shown.add_column(heading, justify="left" if heading.startswith("native") else "right")
        for kind in KINDS:
            if kind != "linear":
                shown.add_row(kind, f"{self.kinds[kind]:,}", f"{self.wrong[kind]:,}")
        shown.add_row("any", f"{self.native:,}", f"{self.differing:,}")
        shown.add_row("linear trees, by LightGBM's library", f"{self.library:,}", "")
        return shown
