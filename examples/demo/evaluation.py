"""How a trained ranking compares, for people."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from trainer.console import say, show, table

if TYPE_CHECKING:
    from trainer import Trial

__all__ = ["show_evaluation"]


def show_evaluation(trial: Trial, *, on_stderr: bool) -> None:
    """Print how a trained ranking compares with what it must beat and what it cannot."""
    found, manifest = trial.evaluation, trial.manifest
    if found.requests:
        rows: list[list[str | float]] = [[name, *values.values()] for name, values in found.metrics.items()]
        names = list(next(iter(found.metrics.values())))
        say(f"\n{found.how}", on_stderr=on_stderr)
        show(table("", ["ranking", *names], rows), on_stderr=on_stderr)
    else:
        say(
            "\nnothing was learnt: the score is the weighted sum of project.yaml",
            on_stderr=on_stderr,
        )
    for name, difference in found.differences.items():
        low, high = difference.low, difference.high
        say(f"NDCG@10 {difference.mean:+.4f} over {name} (95 %: {low:+.4f} to {high:+.4f})", on_stderr=on_stderr)
    if not math.isnan(found.gap_closed):
        say(f"{found.gap_closed:.0%} of the gap from popularity to the oracle is closed", on_stderr=on_stderr)
    say(f"{manifest.name} version {manifest.version} ({manifest.digest[:12]}) is live", on_stderr=on_stderr)
