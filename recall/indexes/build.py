"""From a catalogue and an event log to the indexes of every surface, in one step: all of them or none."""

from __future__ import annotations

import shutil
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from recall.indexes.manifest import index_name
from recall.indexes.reuse import SOURCE, Earlier
from recall.kinds import kind_of
from searchrank.durable import replace_folder
from searchrank.errors import DataError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from recall.config import RecallConfig
    from recall.indexes.sources import IndexSources
    from recall.kind import BranchSection, Kind, Told

    Progress = Callable[[int, int, str], None]

__all__ = ["BuiltIndex", "build_indexes", "size_of"]


@dataclass(frozen=True, slots=True)
class BuiltIndex:
    """One index that was built.

    Attributes:
        name: Its folder below ``indexes``.
        bytes: Size of its files.
        seconds: Time it took.
        reused: Whether it is that of the snapshot before, since nothing that it is built from changed.
    """

    name: str
    bytes: int
    seconds: float
    reused: bool = False


def build_indexes(  # noqa: PLR0913 - what is built, from what, beside what
    snapshot: Path,
    configs: Iterable[RecallConfig],
    sources: IndexSources,
    progress: Progress = lambda _done, _total, _what: None,
    *,
    resume: bool = False,
    earlier: Path | None = None,
) -> tuple[BuiltIndex, ...]:
    """Build every index that some surface needs into ``indexes`` of a snapshot.

    Surfaces that agree share one. They are built beside it and moved into place at the end; what was there before
    is replaced.

    Args:
        snapshot: The snapshot's folder.
        configs: The recall configuration of each surface.
        sources: The catalogue and the events.
        progress: Called with (done, total, what comes now).
        earlier: The indexes of a snapshot of the same project; what would be built from the same as one of them is
            not built again. None: all are built.
        resume: Whether a run from the same sources may have died here, whose finished indexes are to be used.

    Raises:
        ConfigError: When a section names an input that is not declared.
        DataError: When the catalogue does not hold what is indexed, or an item the snapshot has.
    """
    configs = tuple(configs)
    sections = [section for config in configs for section in config.branches.values()]
    parts = {index_name(kind_of(section).index, section.recipe): section for section in sections}
    for section in sections:
        kind_of(section).check(section, sources)
    before, built = Earlier.of(earlier, sources), []
    with _replacing(snapshot / "indexes", resume=resume) as folder:
        for done, (name, part) in enumerate(parts.items()):
            what = f"index {name.rpartition('-')[0]}"
            progress(done, len(parts), what)
            start = time.monotonic()
            reused = False
            if not (folder / name).exists():
                beside = folder / f".{name}"
                shutil.rmtree(beside, ignore_errors=True)
                beside.mkdir()
                told = partial(_part_of, progress, (done, len(parts), what))
                reused = _make(beside, name, part, (sources, before, told))
                beside.rename(folder / name)
            built.append(BuiltIndex(name, size_of(folder / name), time.monotonic() - start, reused))
    progress(len(parts), len(parts), "done")
    return tuple(built)


def _make(folder: Path, name: str, section: BranchSection, given: tuple[IndexSources, Earlier, Told]) -> bool:
    """Fill an empty folder with an index; return whether an earlier one did."""
    sources, earlier, told = given
    kind = kind_of(section)
    if not kind.of_items:
        kind.build(folder, section, sources, told)
        return False
    source = earlier.source(section)
    if earlier.link(name, source, folder) and _opens(kind, folder, section):
        return True
    shutil.rmtree(folder)  # what was linked is damaged
    folder.mkdir()
    kind.build(folder, section, sources, told)
    (folder / SOURCE).write_text(source)
    return False


def _opens(kind: Kind[Any], folder: Path, section: BranchSection) -> bool:
    try:
        kind.open(folder, section)
    except (DataError, NotFoundError):
        return False
    return True


def size_of(folder: Path) -> int:
    """Return the bytes of an index's files."""
    return sum(file.stat().st_size for file in folder.iterdir())


def _part_of(progress: Progress, step: tuple[int, int, str], done: int, total: int) -> None:
    """Tell how far an index has come."""
    progress(step[0], step[1], f"{step[2]} {100 * done // total} %")


@contextmanager
def _replacing(target: Path, *, resume: bool) -> Iterator[Path]:
    """Give a new folder, put in the place of ``target`` when the block succeeds, removed when it fails."""
    fresh = target.with_name(f".{target.name}.new")
    if not resume:
        shutil.rmtree(fresh, ignore_errors=True)
    if resume and target.exists() and not fresh.exists():
        target.rename(fresh)
    fresh.mkdir(parents=True, exist_ok=resume)
    try:
        yield fresh
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    replace_folder(fresh, target)
