"""How long does it take to decide who sees what, does growing move anybody, and are equal arms told apart?

Twenty layers, each with five experiments of two arms; ``us_per_20_layers`` has a fifth of every layer's buckets in use,
``us_per_20_layers_full`` all of them. Every request is a user not seen before.
"""

from __future__ import annotations

import argparse
import gc
import json
from time import perf_counter

import numpy as np
from scipy import stats
from xxhash import xxh3_64_intdigest

from searchrank.experiments import BUCKETS, Experiments, difference, ratio

LAYERS = 20
UNITS = 200_000
SALTS = 200
ROUNDS = 30
ASKED = 3_000


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
        "share_before": len(before) / UNITS,
        "share_after": len(after) / UNITS,
        "aa_uniform_p": round(_uniformity(), 4),
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
    units = 2_000
    values = []
    for salt in range(SALTS):
        shown = rng.geometric(0.2, units) * 10.0
        clicks = rng.binomial(shown.astype(np.int64), rng.beta(2.0, 18.0, units)).astype(np.float64)
        experiments = _trial(f"salt-{salt}", "100%")
        arms = [experiments.assign("shop", user_id=f"user-{unit}").arms[0].arm for unit in range(units)]
        sides = [np.array(arms) == name for name in ("control", "long")]
        values.append(difference(*(ratio(clicks[side], shown[side]) for side in sides)).p)
    return float(stats.kstest(values, "uniform").pvalue)


if __name__ == "__main__":
    main()
