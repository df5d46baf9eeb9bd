"""From a catalogue and an event log to the indexes of every surface, in one step: all of them or none."""

from __future__ import annotations

import shutil
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from recall.indexes.manifest import index_name
from recall.kinds import kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from recall.config import RecallConfig
    from recall.indexes.sources import IndexSources

    Progress = Callable[[int, int, str], None]

__all__ = ["BuiltIndex", "build_indexes"]


@dataclass(frozen=True, slots=True)
class BuiltIndex:
    """One index that was built.

    Attributes:
        name: Its folder below ``indexes``.
        bytes: Size of its files.
        seconds: Time it took.
    """

    name: str
    bytes: int
    seconds: float


def build_indexes(
    snapshot: Path,
    configs: Iterable[RecallConfig],
    sources: IndexSources,
    progress: Progress = lambda _done, _total, _what: None,
    *,
    resume: bool = False,
) -> tuple[BuiltIndex, ...]:
    """Build every index that some surface needs into ``indexes`` of a snapshot.

    Surfaces that agree share one. They are built beside it and moved into place at the end; what was there before
    is replaced.

    Args:
        snapshot: The snapshot's folder.
        configs: The recall configuration of each surface.
        sources: The catalogue and the events.
        progress: Called with (done, total, what comes now).
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
    built = []
    with _replacing(snapshot / "indexes", resume=resume) as folder:
        for done, (name, part) in enumerate(parts.items()):
            what = f"index {name.rpartition('-')[0]}"
            progress(done, len(parts), what)
            start = time.monotonic()
            if not (folder / name).exists():
                beside = folder / f".{name}"
                shutil.rmtree(beside, ignore_errors=True)
                beside.mkdir()
                told = partial(_part_of, progress, (done, len(parts), what))
                kind_of(part).build(beside, part, sources, told)
                beside.rename(folder / name)
            size = sum(file.stat().st_size for file in (folder / name).iterdir())
            built.append(BuiltIndex(name, size, time.monotonic() - start))
    progress(len(parts), len(parts), "done")
    return tuple(built)


def _part_of(progress: Progress, step: tuple[int, int, str], done: int, total: int) -> None:
    """Tell how far an index has come."""
    progress(step[0], step[1], f"{step[2]} {100 * done // total} %")


@contextmanager
def _replacing(target: Path, *, resume: bool) -> Iterator[Path]:
    """Give a new folder, put in the place of ``target`` when the block succeeds, removed when it fails."""
    fresh, old = target.with_name(f".{target.name}.new"), target.with_name(f".{target.name}.old")
    for left in (old,) if resume else (fresh, old):
        shutil.rmtree(left, ignore_errors=True)
    if resume and target.exists() and not fresh.exists():
        target.rename(fresh)
    fresh.mkdir(parents=True, exist_ok=resume)
    try:
        yield fresh
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    if target.exists():
        target.rename(old)
    fresh.rename(target)
    shutil.rmtree(old, ignore_errors=True)
