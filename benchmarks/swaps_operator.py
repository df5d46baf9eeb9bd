"""The one who promotes in ``swaps.py``, in a process of its own: a JSON command a line, each answered when done."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from time import monotonic

from searchrank.features.snapshot import publish
from searchrank.models import Ledger

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Obey until standard input ends; every answer holds the moment before the change and what is to be seen of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ledger", type=Path, required=True)
    ledger = Ledger(parser.parse_args(arguments).ledger)
    os.nice(10)
    for line in sys.stdin:
        command = json.loads(line)
        began = monotonic()
        if "publish" in command:
            publish(Path(command["publish"]))
            seen = Path(command["publish"]).name
        elif "promote" in command:
            seen = ledger.promote(Path(command["promote"])).digest
        else:
            seen = ledger.rollback(command["rollback"]).digest
        print(json.dumps({"began": began, "seen": seen}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
