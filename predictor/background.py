"""A server in the background of a program: started, ready, and stopped with a ``with`` statement."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Final

from searchrank import errors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from predictor.serve_options import ServeOptions

__all__ = ["running_server"]

STOP_SECONDS: Final = 15.0  # beside the time to drain


@contextlib.contextmanager
def running_server(options: ServeOptions) -> Iterator[list[str]]:
    """Serve in another process for the length of a ``with`` block.

    Args:
        options: What to serve and where; port 0 finds free ones.

    Yields:
        The workers' addresses, ``host:port``, for ``Client``; all of them are ready.

    Raises:
        SearchRankError: When the server refuses to start, as the server's own error.
    """
    command = [sys.executable, "-m", "predictor.supervisor", *options.arguments()]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:  # noqa: S603 - our own module
        try:
            line = process.stdout.readline() if process.stdout else b""
            told: dict[str, Any] = json.loads(line) if line else {"error": "the server ended without a word"}
            if "error" in told:
                kind = told.get("kind", "SearchRankError")
                raise getattr(errors, kind if kind in errors.__all__ else "SearchRankError")(told["error"])
            yield told["targets"]
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS + options.drain_seconds)
            except subprocess.TimeoutExpired:
                process.kill()
