"""Runs a serving module with its log in a file, so that a demo's screen stays readable.

``python -m examples.demo.logged predictor.worker --home DIR …``; what is logged is added to ``DIR/serving.log``.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import Final

__all__ = ["LOG", "main"]

LOG: Final = "serving.log"


def main() -> int:
    """Run the module that is named first with the rest of the arguments."""
    module, *arguments = sys.argv[1:]
    home = Path(arguments[arguments.index("--home") + 1])
    with (home / LOG).open("ab") as log:
        os.dup2(log.fileno(), sys.stderr.fileno())
    code: int = importlib.import_module(module).main(arguments)
    return code


if __name__ == "__main__":
    sys.exit(main())
