"""Are logged answers made again to the bit in a fresh process, are gaps explained whole, and is what was changed found?

Run as ``python benchmarks/replay.py [--requests N] [--json]``. A shop with a forest is served over gRPC; while ``Rank``
and ``Search`` are asked, items are put and clicks are told. Then ``searchrank replay --all`` runs in a process of its
own over the whole serving log. ``why_max_error``: the largest difference between a gap of scores and the sum of what
features add to it, over some answers. ``tampered_detected``: whether each of a flipped byte in the log, a flipped byte
in the release, and another release under the same version, was found.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Final

import numpy as np
import pyarrow as pa
from rich.console import Console
from rich.table import Table

from predictor import Client, PutItem, Query, Reaction, ServeOptions, running_server
from predictor.parity.random_forest import random_forest
from predictor.replay.chosen import of_request
from predictor.replay.why import why
from predictor.testing import COLUMNS, ITEMS, make_shop, promote, release
from searchrank.errors import UnavailableError
from searchrank.features import FeatureSet, ModelInput, fit
from searchrank.models import ReleaseDraft, find_release, profile_columns, write_release
from searchrank.serving_log import ServingLog
from searchrank.workspace import Workspace

EXPLAINED: Final = 50
CHANGES: Final = 20  # answers between two changes


def _world(root: Path) -> Workspace:
    """Make a shop whose live release is a forest over values as they come."""
    workspace = make_shop(root)
    features = FeatureSet.load(workspace.features)
    rng = np.random.default_rng(0)
    scale = np.array([[40.0], [5.0], [60.0], [1_500.0], [20.0]])
    columns = (rng.random((len(COLUMNS), 400)) * scale).astype(np.float32)
    draft = ReleaseDraft(
        name="taste",
        feature_set=features,
        inputs=fit([ModelInput.parse(name, features) for name in COLUMNS], lambda _fitted: {}),
        model=random_forest(columns, COLUMNS, trees=100),
        golden=pa.table({"item.price": [1.0, 2.5, None]}),
        profile=profile_columns(COLUMNS, columns),
    )
    promote(workspace, write_release(workspace.releases, draft))
    return workspace


def _patiently(ask: Callable[..., Any], *words: Any) -> Any:
    """Ask again while the worker, on a busy machine, refuses."""
    while True:
        try:
            return ask(*words, timeout=5.0)
        except UnavailableError:
            sleep(0.05)


def _serve(workspace: Workspace, requests: int) -> None:
    rng = np.random.default_rng(1)
    with running_server(ServeOptions(home=workspace.root, port=0, workers=1)) as targets, Client(targets) as client:
        for number in range(requests):
            text = str(rng.choice(["tea", "coffee", "tea number 4", ""]))
            asked = Query(
                surface="shop", user_id=f"u{rng.integers(9)}", text=text, context={"user.age": 20.0 + number % 50}
            )
            if number % 2:
                given = _patiently(client.search, asked)
            else:
                ids = [f"i{k}" for k in rng.integers(0, ITEMS + 2, 30)]
                sent = {"candidate.eta_min": rng.random(30) * 60}
                given = _patiently(client.rank, asked, ids, sent)
            if number % CHANGES == 0:
                item = f"i{rng.integers(ITEMS)}"
                values: dict[str, Any] = {"item.price": float(rng.integers(50)), "item.title": f"tea number {number}"}
                client.ingest([PutItem(item, values)])
                client.feedback(given.request_id, [Reaction("click", str(given.ids[0]))], asked)


def _replay(workspace: Workspace, *words: str) -> dict[str, Any]:
    """Run the verb in a process of its own and return its figures."""
    code = "import sys; from searchrank.cli import main; main()"
    command = [sys.executable, "-c", code, "replay", *words, "--home", str(workspace.root), "--json"]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    if not told.stdout:
        return {"total": 0, "equal": 0, "different": {}, "damaged": [told.stderr]}
    found: dict[str, Any] = json.loads(told.stdout.splitlines()[-1])
    return found


async def _why_error(workspace: Workspace) -> float:
    log = ServingLog.open(workspace.serving)
    rows = log.table(["request_id", "item_id", "position"]).to_pylist()
    worst = 0.0
    for row in rows[:: max(1, len(rows) // EXPLAINED)]:
        shown = [item for place, item in sorted(zip(row["position"], row["item_id"], strict=True)) if place >= 0]
        others = list(dict.fromkeys(shown))
        if len(others) > 1:
            told = await why(workspace, of_request(log, row["request_id"]), (others[0], others[-1]))
            worst = max(worst, abs(float(told.comparison.contributions.sum()) - told.comparison.gap))
    return worst


def _tampered(workspace: Workspace, folder: Path) -> dict[str, bool]:
    """Plant each fault in a copy of its own and return which were found."""

    def planted(name: str) -> Workspace:
        return Workspace(shutil.copytree(workspace.root, folder / name, symlinks=True))

    log = planted("log")
    file = next(iter(log.serving.glob("*.arrows")))
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    byte = planted("release")
    model = find_release(byte.releases, "taste", 2) / "model.txt"
    text = bytearray(model.read_bytes())
    text[len(text) // 2] ^= 1
    model.write_bytes(text)
    other = planted("another")
    shutil.rmtree(find_release(other.releases, "taste", 2))
    release(other, (1.0, 0.5, 0.25, 0.125, 0.0))
    figures = {name: _replay(where, "--sample", "200") for name, where in (("release", byte), ("another", other))}
    told = _replay(log, "--all")
    found = {name: "release" in one["different"] for name, one in figures.items()}
    return {"flipped byte in the log": bool(told["damaged"] or "log" in told["different"]), **found}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="searchrank-replay-") as folder:
        workspace = _world(Path(folder) / "shop")
        _serve(workspace, options.requests)
        began = monotonic()
        told = _replay(workspace, "--all")
        seconds = monotonic() - began
        error = asyncio.run(_why_error(workspace))
        found = _tampered(workspace, Path(folder))
    table = Table("what", "figure", title="logged answers made again", title_justify="left")
    table.add_row("made again, equal to the bit", f"{told['equal']:,} of {told['total']:,}")
    table.add_row("seconds, in a fresh process", f"{seconds:.1f}")
    table.add_row("why: largest error of a gap", f"{error:.2g}")
    for name, is_found in found.items():
        table.add_row(f"tampered: {name}", "found" if is_found else "NOT FOUND")
    Console().print(table)
    figures = {"equal": told["equal"], "total": told["total"], "why_max_error": error}
    if options.json:
        sys.stdout.write(json.dumps({**figures, "tampered_detected": all(found.values())}) + "\n")


if __name__ == "__main__":
    main()
