"""Evaluation: how good is a ranking, is it better than another, and may it be released?

A metric gives one value a query (``metrics``, ``variety``); what differs between two rankings is told from chance over
the same queries (``significance``), in every slice of them (``slices``). What
another policy would have earned is estimated from logged propensities (``counterfactual``).

Stability: what is listed in ``__all__`` is public and kept.
"""

from trainer.evaluation.calibration import Calibration, calibration
from trainer.evaluation.comparison import Evaluation, Rival, compare, unbiased
from trainer.evaluation.counterfactual import Estimate, Guess, cascade, off_policy
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
from trainer.evaluation.significance import Difference, Interval, bootstrap, difference, paired_bootstrap, randomisation
from trainer.evaluation.slices import ALL, ALPHA, Slice, by_slice, holm, regressions, worst, worst_in_words
from trainer.evaluation.variety import coverage, diversity

__all__ = [
    "ALL",
    "ALPHA",
    "Calibration",
    "Difference",
    "EmptyQueries",
    "Estimate",
    "Evaluation",
    "Guess",
    "Interval",
    "Ranking",
    "Rival",
    "Slice",
    "auc",
    "average_precision",
    "bootstrap",
    "by_slice",
    "calibration",
    "cascade",
    "compare",
    "coverage",
    "difference",
    "diversity",
    "gauc",
    "hit_rate",
    "holm",
    "mean",
    "ndcg",
    "off_policy",
    "paired_bootstrap",
    "precision",
    "randomisation",
    "recall",
    "reciprocal_rank",
    "regressions",
    "summary",
    "unbiased",
    "worst",
    "worst_in_words",
]
