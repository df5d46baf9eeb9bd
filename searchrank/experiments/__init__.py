"""Experiments: who sees what, decided by hashing, and afterwards whether it helped.

Public is what ``__all__`` names; the hash of a unit and the format of ``experiments.yaml`` are stable, so that nobody
changes arms by an upgrade.
"""

from searchrank.experiments.analysis import Difference, Ratio, difference, ratio, sample_ratio
from searchrank.experiments.assignment import Assigned, Assignment
from searchrank.experiments.bucket import BUCKETS, bucket, place
from searchrank.experiments.configuration import Experiments, lint
from searchrank.experiments.layer import Arm, Experiment, Layer
from searchrank.experiments.parameter import Parameter, ParameterType, Value
from searchrank.experiments.report import ArmReport, ExperimentReport, report
from searchrank.experiments.surroundings import Surroundings

__all__ = [
    "BUCKETS",
    "Arm",
    "ArmReport",
    "Assigned",
    "Assignment",
    "Difference",
    "Experiment",
    "ExperimentReport",
    "Experiments",
    "Layer",
    "Parameter",
    "ParameterType",
    "Ratio",
    "Surroundings",
    "Value",
    "bucket",
    "difference",
    "lint",
    "place",
    "ratio",
    "report",
    "sample_ratio",
]
