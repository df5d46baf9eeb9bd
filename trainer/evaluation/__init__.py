"""Evaluation: how good is a ranking, is it better than another, and may it be released?

A metric gives one value a query (``metrics``, ``variety``); what differs between two rankings is told from chance over
the same queries (``significance``).

Stability: what is listed in ``__all__`` is public and kept.
"""

from trainer.evaluation.calibration import Calibration, calibration
from trainer.evaluation.comparison import Evaluation, compare, unbiased
from trainer.evaluation.metrics import (
    EmptyQueries,
    auc,
    average_precision,
    gauc,
    hit_rate,
    mean,
    ndcg,
    precision,
    recall,
    reciprocal_rank,
    summary,
)
from trainer.evaluation.ranking import Ranking
from trainer.evaluation.significance import Interval, bootstrap, paired_bootstrap
from trainer.evaluation.variety import coverage, diversity

__all__ = [
    "Calibration",
    "EmptyQueries",
    "Evaluation",
    "Interval",
    "Ranking",
    "auc",
    "average_precision",
    "bootstrap",
    "calibration",
    "compare",
    "coverage",
    "diversity",
    "gauc",
    "hit_rate",
    "mean",
    "ndcg",
    "paired_bootstrap",
    "precision",
    "recall",
    "reciprocal_rank",
    "summary",
    "unbiased",
]
