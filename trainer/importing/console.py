"""What a person sees of an import: how far it is, what was found, what was written."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from trainer.console import say, steps
from trainer.importing.findings import Findings, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trainer.importing.importer import Imported

__all__ = ["figures", "reading", "show_findings", "show_imported"]


@contextmanager
def reading() -> Iterator[Callable[[str, int], None]]:
    """Show which file is read and how many of its rows are."""
    with steps() as told:
        shown: dict[str, Callable[[int, int], None]] = {}

        def progress(file: str, rows: int) -> None:
            if file not in shown:
                shown[file] = told.begin(file)
            shown[file](rows, rows + 1)

        yield progress


def show_findings(findings: Findings) -> None:
    """Print every finding on standard error, errors first, and how many there are."""
    for one in findings:
        say(str(one), on_stderr=True)
    counts = [(severity, len(findings.of(severity))) for severity in Severity]
    told = ", ".join(f"{count} {severity}{'' if count == 1 else 's'}" for severity, count in counts if count)
    say(told or "nothing is wrong", on_stderr=True)


def show_imported(made: Imported, *, on_stderr: bool) -> None:
    """Print what was written."""
    for name, count in (("items", made.items), ("users", made.users)):
        if count is not None:
            say(f"{name}: {count:,} written", on_stderr=on_stderr)
    if made.kinds:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in made.kinds.items())
        say(f"events: {made.events:,} new ({kinds} read)", on_stderr=on_stderr)
    if made.duplicates:
        say(
            f"  {made.duplicates:,} were in the log already, or equal to another row, and were not added again",
            on_stderr=on_stderr,
        )
    for name, how in made.definitions.items():
        say(f"{name}: {how}", on_stderr=on_stderr)


def figures(made: Imported) -> dict[str, Any]:
    """Return what was written under the names that machines read."""
    return {
        "items": made.items,
        "users": made.users,
        "events": made.events,
        "duplicates": made.duplicates,
        "kinds": made.kinds,
        "definitions": made.definitions,
        "findings": [one.to_json() for one in made.findings],
        "seconds": round(made.seconds, 3),
    }
