"""The builder: prepares, in a process of its own, what workers will map when they follow the ledger.

Run as ``python -m predictor.build --home DIR``; does nothing when everything is there.
"""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from predictor.lean import keep_lean
from predictor.serving import Serving
from searchrank.errors import SearchRankError
from searchrank.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

_logger = logging.getLogger("searchrank.builder")


def main(arguments: Sequence[str] | None = None) -> int:
    """Load what is live as a worker would, which builds what is missing."""
    parser = argparse.ArgumentParser(prog="predictor.build")
    parser.add_argument("--home", type=Path, required=True)
    home = parser.parse_args(arguments).home
    keep_lean()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    serving = Serving(Workspace(home))
    try:
        serving.load()
    except SearchRankError as error:
        _logger.error("nothing built: %s", error)  # noqa: TRY400 - its words say all
        return 1
    finally:
        serving.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
