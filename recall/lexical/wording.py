"""Lists of words beside a project: synonyms, and for a field the words that mean a value of it, such as areas."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from searchrank.errors import ConfigError, DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from recall.lexical.analysis import Analyser
    from recall.lexical.config import LexicalConfig

__all__ = ["Run", "Wording", "keep_wording", "open_wording"]

Run = tuple[str, ...]
"""Tokens that stand one after the other."""
_FILE: Final = "words.json"
MAX_ENTRIES: Final = 100_000


@dataclass(frozen=True, slots=True)
class Wording:
    """What runs of words mean.

    Attributes:
        synonyms: For a run, the runs that mean the same.
        fields: For a run, the field that alone is searched for it.
        longest: Tokens of the longest run.
    """

    synonyms: Mapping[Run, tuple[Run, ...]]
    fields: Mapping[Run, str]
    longest: int

    @classmethod
    def of(cls, synonyms: Iterable[str], dictionaries: Mapping[str, Iterable[str]], analyser: Analyser) -> Wording:
        """Read lines as they stand in files.

        Args:
            synonyms: ``a, b`` mean the same; ``a, b => c`` finds c too for a or b.
            dictionaries: For a field, one entry a line.
            analyser: Cuts them.

        Raises:
            ConfigError: When a line says nothing.
        """
        same: dict[Run, tuple[Run, ...]] = {}
        for line in synonyms:
            left, arrow, right = line.partition("=>")
            runs = [_runs(part, line, analyser) for part in ((left, right) if arrow else (line, line))]
            if len(set(runs[0] + runs[1])) < 2:
                raise ConfigError(f"{line!r} names nothing that means the same", field="recall.lexical.synonyms")
            for run in runs[0]:
                same[run] = tuple(dict.fromkeys(other for other in same.get(run, ()) + runs[1] if other != run))
        lines = [(line, name) for name, entries in dictionaries.items() for line in entries]
        fields = {run: name for line, name in reversed(lines) for run in [tuple(analyser.tokens(line))] if run}
        return cls(same, fields, max(map(len, [*same, *fields]), default=0))


def _runs(part: str, line: str, analyser: Analyser) -> tuple[Run, ...]:
    runs = tuple(tuple(analyser.tokens(entry)) for entry in part.split(","))
    if not all(runs):
        raise ConfigError(
            f"{line!r} is not a line such as 'sofa, couch' or 'tv => television'", field="recall.lexical.synonyms"
        )
    return runs


def keep_wording(folder: Path, config: LexicalConfig, root: Path | None) -> None:
    """Copy the lists that a configuration names into an index, so that a snapshot answers alike for ever.

    Args:
        folder: The index.
        config: Names the files.
        root: Where relative names begin; None: there are no files.

    Raises:
        ConfigError: When a file cannot be read.
    """
    if not config.files:
        return
    synonyms = _lines(root, config.synonyms) if config.synonyms else []
    dictionaries = {field: _lines(root, name) for field, name in config.dictionaries.items()}
    Wording.of(synonyms, dictionaries, config.analyser())
    kept = json.dumps({"synonyms": synonyms, "dictionaries": dictionaries}, ensure_ascii=False)
    (folder / _FILE).write_text(kept, encoding="utf-8")


def open_wording(folder: Path, config: LexicalConfig, analyser: Analyser) -> Wording:
    """Read what was kept; nothing when the configuration names no files.

    Raises:
        DataError: When it is damaged or gone.
    """
    if not config.files:
        return Wording({}, {}, 0)
    try:
        return Wording.of(**json.loads((folder / _FILE).read_text(encoding="utf-8")), analyser=analyser)
    except (OSError, ValueError, TypeError) as error:
        raise DataError(f"{folder / _FILE} is damaged ({error}); run 'searchrank index' to build it again") from error


def _lines(root: Path | None, name: str) -> list[str]:
    if root is None:
        raise ConfigError(f"{name} is a file beside a project, and there is none", field="recall.lexical")
    try:
        lines = (root / name).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {root / name}: {error}", field="recall.lexical") from None
    kept = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if len(kept) > MAX_ENTRIES:
        raise ConfigError(f"{root / name} has more than {MAX_ENTRIES:,} lines", field="recall.lexical")
    return kept
