"""A collection of documents as an index of its own, without a project, so that any collection can be judged."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from recall.collection.jsonl import read_lines
from recall.config import RecallConfig
from recall.indexes.manifest import index_name
from recall.lexical.index import write_lexical, write_manifest
from recall.lexical.wording import keep_wording
from recall.recaller import Recaller
from searchrank.durable import replace_folder
from searchrank.errors import ConfigError, ConflictError, DataError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from recall.lexical.config import LexicalConfig

    Progress = Callable[[int, int, str], None]

__all__ = ["CORPUS_RECALL", "Corpus", "build_corpus"]

CORPUS_RECALL: Final[Mapping[str, Any]] = {
    "lexical": {"fields": {"title": 0.0, "text": 0.0}, "joined": 1.0, "stem": "english"},
    "fusion": {"k": 20.0},
}
"""How a corpus is indexed when nothing else is asked for."""
_FIELDS: Final = ("title", "text")
_ABOUT: Final = "corpus.json"
_IDS: Final = "ids.txt"
_FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Corpus:
    """An index of a collection, opened.

    Attributes:
        ids: The id of each row.
        recaller: Its branches.
    """

    ids: Sequence[str]
    recaller: Recaller

    @classmethod
    def open(cls, folder: Path) -> Corpus:
        """Open what ``build_corpus`` made.

        Raises:
            NotFoundError: When there is no such index.
            DataError: When it is damaged or of another version.
        """
        ids, config = _read(folder)
        return cls(ids, Recaller.open(folder, config))

    @staticmethod
    def configured(folder: Path) -> RecallConfig:
        """Return what it was built by; errors as ``open``."""
        return _read(folder)[1]


def _read(folder: Path) -> tuple[list[str], RecallConfig]:
    again = "run 'searchrank index build --corpus' again"
    try:
        about = json.loads((folder / _ABOUT).read_text())
        ids = (folder / _IDS).read_text().splitlines()
        if about["format"] != _FORMAT or about["documents"] != len(ids):
            raise DataError(f"{folder} is of another version or was cut short; {again}")
        return ids, RecallConfig.parse(about["recall"])
    except FileNotFoundError:
        raise NotFoundError(f"no index of a corpus in {folder}; {again}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{folder} is damaged ({error}); {again}") from error


def build_corpus(
    path: Path,
    to: Path,
    recall: Mapping[str, object] = CORPUS_RECALL,
    progress: Progress = lambda _done, _total, _what: None,
) -> int:
    """Index a collection into a folder and return the number of its documents.

    It is built beside the folder and moved there at the end: what was there before is searched until then, and stays
    when anything fails.

    Args:
        path: JSON lines with ``_id``, ``title`` and ``text``.
        to: Where the index is to be; may hold an older one.
        recall: A recall section; its fields are ``title`` and ``text``.
        progress: Called with (bytes read, bytes in all, what is done).

    Raises:
        NotFoundError: When there is no such file.
        DataError: When a line of it is wrong, or it holds no documents.
        ConfigError: When the section asks for what a collection cannot give.
        ConflictError: When the folder holds something else.
    """
    config = _lexical(recall)
    if to.exists() and not (to / _ABOUT).is_file() and (not to.is_dir() or any(to.iterdir())):
        raise ConflictError(f"{to} is there and is no index of a corpus; name another folder")
    beside = to.parent / f".{to.name}.building"
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    try:
        count = _build(path, beside, config, progress)
        about = {"format": _FORMAT, "documents": count, "recall": recall}
        (beside / _ABOUT).write_text(json.dumps(about, indent=2) + "\n")
        replace_folder(beside, to)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return count


def _lexical(recall: Mapping[str, object]) -> LexicalConfig:
    config = RecallConfig.parse(recall)
    if config.lexical is None or len(config.branches) > 1:
        raise ConfigError("a corpus has texts and nothing else, so it takes the branch lexical alone", field="recall")
    unknown = [name for name in config.lexical.fields if name not in _FIELDS]
    if unknown:
        raise ConfigError(f"{unknown[0]!r} is not one of {', '.join(_FIELDS)}", field="recall.lexical.fields")
    return config.lexical


def _build(path: Path, folder: Path, config: LexicalConfig, progress: Progress) -> int:
    ids: list[str] = []

    def told(done: int, total: int) -> None:
        progress(done, total, f"{len(ids):,} documents")

    def documents() -> Iterator[tuple[int, list[str]]]:
        for row, line in enumerate(read_lines(path, told)):
            ids.append(line.id)
            yield row, [line.title if name == "title" else line.text for name in config.fields]

    index = folder / index_name("lexical", config.recipe)
    index.mkdir()
    keep_wording(index, config, Path.cwd())
    write_lexical(index, config, documents())
    if not ids:
        raise DataError(f"{path} holds no documents")
    write_manifest(index, config, len(ids))
    (folder / _IDS).write_text("\n".join(ids) + "\n")
    return len(ids)
