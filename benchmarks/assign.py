"""How long does it take to decide who sees what, does growing move anybody, and does a report tell arms apart?

Twenty layers, each with five experiments of two arms; ``us_per_20_layers`` has a fifth of every layer's buckets in use,
``us_per_20_layers_full`` all of them. Every request is a user not seen before. Then, by reports over simulated
events: equal arms over 200 salts, an arm that is better by a tenth, and one that lost 2 % of its exposures.
"""

from __future__ import annotations

import argparse
import gc
import json
import math
from collections.abc import Collection
from time import perf_counter

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy import stats
from xxhash import xxh3_64_intdigest

from searchrank.experiments import BUCKETS, ExperimentReport, Experiments, report

LAYERS = 20
UNITS = 200_000
SALTS = 200
ROUNDS = 1_000
ASKED = 100
AA_UNITS = 2_000
SHOWN = 10
LOSS = 0.02
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    options = parser.parse_args()
    small, large = _trial("page", "10%"), _trial("page", "20%")
    before, after = _members(small), _members(large)
    found = {
        "us_per_20_layers": round(_microseconds(_layers(20)), 2),
        "us_per_20_layers_full": round(_microseconds(_layers(100)), 2),
        "us_20_hashes_alone": round(_hashes(), 2),
        "moved_units": sum(after.get(unit) != arm for unit, arm in before.items()),
        **_shares(before, after),
        "aa_uniform_p": round(_uniformity(), 4),
        **_planted(),
    }
    for name, value in found.items():
        print(f"{name:28} {value}")
    if options.json:
        print(json.dumps(found))


def _layers(percent: int) -> Experiments:
    lines = ["surfaces:", "  shop:"]
    for layer in range(LAYERS):
        lines += [f"    layer{layer}:", f"      salt: salt-{layer}", "      parameters:"]
        lines += [f"        size{layer}: {{type: integer, default: 1}}", "      experiments:"]
        for trial in range(5):
            lines += [f"        trial{trial}:", f"          buckets: {trial * 2000}-{trial * 2000 + 1999}"]
            lines += [f"          share: {percent / 5:g}%"]
            lines += [f"          arms: {{control: {{weight: 1}}, more: {{weight: 1, set: {{size{layer}: 2}}}}}}"]
    return Experiments.parse("\n".join(lines))


def _microseconds(experiments: Experiments) -> float:
    """Return what a request takes in the fastest of some rounds, each with users of its own."""
    best = float("inf")
    gc.collect()
    gc.disable()
    for turn in range(ROUNDS):
        users = [f"user-{turn}-{k}" for k in range(ASKED)]
        began = perf_counter()
        for user in users:
            experiments.assign("shop", user_id=user)
        best = min(best, perf_counter() - began)
    gc.enable()
    return best / ASKED * 1e6


def _hashes() -> float:
    """Return what no assignment by hashing can go below: one hash a layer, taken modulo the buckets."""
    prefixes = [f"salt-{layer}.".encode() for layer in range(LAYERS)]
    users = [f"user-{k}" for k in range(ASKED)]
    best = float("inf")
    for _ in range(ROUNDS):
        began = perf_counter()
        for user in users:
            unit = user.encode()
            for prefix in prefixes:
                xxh3_64_intdigest(prefix + unit) % BUCKETS
        best = min(best, perf_counter() - began)
    return best / ASKED * 1e6


def _trial(salt: str, share: str) -> Experiments:
    return Experiments.parse(
        f"surfaces: {{shop: {{page: {{salt: {salt}, parameters: {{}}, experiments: {{longer: {{buckets: 0-9999, "
        f"share: {share}, arms: {{control: {{weight: 1}}, long: {{weight: 1}}}}}}}}}}}}}}"
    )


def _members(experiments: Experiments) -> dict[int, str]:
    found = {}
    for unit in range(UNITS):
        if arms := experiments.assign("shop", user_id=f"user-{unit}").arms:
            found[unit] = arms[0].arm
    return found


def _uniformity() -> float:
    """Return how likely p-values of equal arms over many salts are under a uniform distribution."""
    rng = np.random.default_rng(1)
    rates = rng.beta(2.0, 18.0, AA_UNITS)
    values = []
    for salt in range(SALTS):
        clicked = rng.random((SHOWN, AA_UNITS)) < rates
        found = _report(_trial(f"salt-{salt}", "100%"), np.ones(AA_UNITS, np.bool_), clicked)
        change = found.arms[1].change
        values.append(math.nan if change is None else change.p)
    return float(stats.kstest(values, "uniform").pvalue)


def _planted() -> dict[str, float]:
    """Return what a report says of an arm that is a tenth better, and of one that lost 2 % of its exposures."""
    rng = np.random.default_rng(2)
    experiments = _trial("page", "100%")
    members = _members(experiments)
    is_long = np.array([members[unit] == "long" for unit in range(UNITS)])
    clicked = rng.random((1, UNITS)) < np.where(is_long, 0.11, 0.10)
    whole = _report(experiments, np.ones(UNITS, np.bool_), clicked)
    lossy = _report(experiments, ~is_long | (rng.random(UNITS) >= LOSS), clicked)
    change = whole.arms[1].change
    better = change is not None and change.low > 0.0
    return {
        "better_arm_p": math.nan if change is None else change.p,
        "better_arm_found": better,
        "srm_p_whole": round(whole.sample_ratio_p, 4),
        "srm_p_planted": lossy.sample_ratio_p,
        "srm_planted_found": whole.is_fair and not lossy.is_fair,
    }


def _report(experiments: Experiments, exposed: Bools, clicked: Bools) -> ExperimentReport:
    """Return the report of one answer a unit.

    Args:
        experiments: With one experiment.
        exposed: Shape ``(units,)``, whether anything was shown; what was not shown was not clicked.
        clicked: Shape ``(items, units)``, whether an item was clicked.
    """
    items = len(clicked)
    item, unit = np.nonzero(clicked & exposed)
    happened = {"kind": pa.repeat("click", len(unit)), "request_id": _names("r", unit), "item_id": _names("i", item)}
    return report(experiments, _answers(experiments, exposed, items), pa.table(happened))[0]


def _answers(experiments: Experiments, exposed: Bools, items: int) -> pa.Table:
    """Return one answer a unit, with its arm and all items, or none if nothing was shown."""
    units = np.arange(len(exposed))
    arms = [experiments.assign("shop", user_id=f"user-{unit}").arms for unit in units.tolist()]
    words = ("layer", "experiment", "arm", "propensity", "overridden")
    starts = np.concatenate([[0], np.cumsum(np.where(exposed, items, 0))])
    shown = _names("i", np.tile(np.arange(items), np.count_nonzero(exposed)))
    columns = {
        "request_id": _names("r", units),
        "surface": pa.repeat("shop", len(units)),
        "user_id": _names("user", units),
        "session_id": pa.nulls(len(units), pa.string()),
        "arms": pa.array([[{word: getattr(arm, word) for word in words} for arm in some] for some in arms]),
        "item_id": pa.ListArray.from_arrays(pa.array(starts, pa.int32()), shown),
    }
    return pa.table(columns)


def _names(prefix: str, numbers: Ints) -> pa.Array:
    return pc.binary_join_element_wise(prefix, numbers.astype(str), "-")


def _shares(before: Collection[int], after: Collection[int]) -> dict[str, float]:
    """Return the shares of units that take part, and whether both lie within the 99.9 % binomial interval."""
    sizes = {0.1: len(before), 0.2: len(after)}
    inside = []
    for share, size in sizes.items():
        low, high = stats.binom.interval(0.999, UNITS, share)
        inside.append(bool(low <= size <= high))
    return {"share_before": len(before) / UNITS, "share_after": len(after) / UNITS, "shares_hold": all(inside)}


if __name__ == "__main__":
    main()
