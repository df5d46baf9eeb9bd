"""A collection of documents as an index of its own, without a project, so that any collection can be judged."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from recall.collection.jsonl import read_lines
from recall.config import RecallConfig
from recall.dense.build import QuerySide, build_dense
from recall.indexes.manifest import index_name
from recall.lexical.index import write_lexical, write_manifest
from recall.lexical.wording import keep_wording
from recall.recaller import Recaller
from searchrank.durable import replace_folder
from searchrank.errors import ConfigError, ConflictError, DataError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from recall.collection.embeddings import Embeddings
    from recall.dense.config import DenseConfig
    from recall.lexical.config import LexicalConfig

    Progress = Callable[[int, int, str], None]

__all__ = ["CORPUS_RECALL", "Corpus", "build_corpus"]

CORPUS_RECALL: Final[Mapping[str, Any]] = {
    "lexical": {"fields": {"title": 0.0, "text": 0.0}, "joined": 1.0, "stem": "english"},
    "fusion": {"k": 20.0},
}
"""How a corpus is indexed when nothing else is asked for."""
_QUOTA: Final = 150  # as many as of lexical
_FIELDS: Final = ("title", "text")
_ABOUT: Final = "corpus.json"
_IDS: Final = "ids.txt"
_FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class _Sections:
    lexical: LexicalConfig
    dense: DenseConfig | None


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
    recall: Mapping[str, Any] = CORPUS_RECALL,
    progress: Progress = lambda _done, _total, _what: None,
    *,
    embeddings: Embeddings | None = None,
) -> int:
    """Index a collection into a folder and return the number of its documents.

    It is built beside the folder and moved there at the end: what was there before is searched until then, and stays
    when anything fails.

    Args:
        path: JSON lines with ``_id``, ``title`` and ``text``.
        to: Where the index is to be; may hold an older one.
        recall: A recall section; its fields are ``title`` and ``text``, its vectors are the embeddings.
        progress: Called with (done, in all, what is done).
        embeddings: Vectors of its documents; with them the branch ``dense`` is built, configured or not.

    Raises:
        NotFoundError: When there is no such file.
        DataError: When a line of it is wrong, it holds no documents, or none of those that have vectors.
        ConfigError: When the section asks for what a collection cannot give.
        ConflictError: When the folder holds something else.
    """
    section = _section(recall, embeddings)
    config = _checked(section)
    if to.exists() and not (to / _ABOUT).is_file() and (not to.is_dir() or any(to.iterdir())):
        raise ConflictError(f"{to} is there and is no index of a corpus; name another folder")
    beside = to.parent / f".{to.name}.building"
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    try:
        ids = _build_lexical(path, beside, config.lexical, progress)
        if config.dense is not None and embeddings is not None:
            _build_dense(beside, config.dense, ids, embeddings, progress)
        (beside / _IDS).write_text("\n".join(ids) + "\n")
        about = {"format": _FORMAT, "documents": len(ids), "recall": section}
        (beside / _ABOUT).write_text(json.dumps(about, indent=2) + "\n")
        replace_folder(beside, to)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return len(ids)


def _section(recall: Mapping[str, Any], embeddings: Embeddings | None) -> dict[str, Any]:
    """Return the section with the embeddings as its vectors.

    Raises:
        ConfigError: When the section asks for vectors that are not there, or names them itself.
    """
    given = recall.get("dense")
    if embeddings is None:
        if given is not None:
            raise ConfigError("a corpus has no vectors of its own; name a file by --embeddings", field="recall.dense")
        return dict(recall)
    if given is not None and not isinstance(given, Mapping):
        raise ConfigError(f"is a section such as {{storage: f16}}, not {given!r:.40}", field="recall.dense")
    dense = dict(given) if given is not None else {"quota": _QUOTA}
    named = [name for name in ("vectors", "queries", "input") if name in dense]
    if named:
        raise ConfigError("leave it out: --embeddings names the vectors of a corpus", field=f"recall.dense.{named[0]}")
    if not dense.get("encoder"):
        if embeddings.queries is None:
            raise ConfigError(
                "nothing makes vectors of queries: give the texts of those in the embeddings by --queries, or name an "
                "encoder in --recall",
                field="recall.dense",
            )
        dense["queries"] = embeddings.name
    return {**recall, "dense": {**dense, "vectors": embeddings.name}}


def _checked(recall: Mapping[str, Any]) -> _Sections:
    config = RecallConfig.parse(recall)
    lexical = config.lexical
    if lexical is None or set(config.branches) - {"lexical", "dense"}:
        raise ConfigError("a corpus has texts, so it takes lexical, and dense beside it", field="recall")
    unknown = [name for name in lexical.fields if name not in _FIELDS]
    if unknown:
        raise ConfigError(f"{unknown[0]!r} is not one of {', '.join(_FIELDS)}", field="recall.lexical.fields")
    return _Sections(lexical, config.dense)


def _build_lexical(path: Path, folder: Path, config: LexicalConfig, progress: Progress) -> list[str]:
    """Index the words of all documents and return their ids, row by row.

    Raises:
        DataError: When there are no documents.
    """
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
    return ids


def _build_dense(
    folder: Path, config: DenseConfig, ids: Sequence[str], embeddings: Embeddings, progress: Progress
) -> None:
    documents = embeddings.documents.said(config.made_by, "recall.dense.made_by")
    places = {name: row for row, name in enumerate(ids)}
    rows = np.array([places.get(name, len(ids)) for name in documents.ids], np.int64)
    if not (rows < len(ids)).any():
        raise DataError(f"{embeddings.name} holds vectors of none of the {len(ids):,} documents")
    encoder = str(Path(config.encoder).resolve()) if config.encoder else ""
    side = QuerySide(documents.encoder, None if encoder else embeddings.queries, encoder)
    index = folder / index_name("dense", config.recipe)
    index.mkdir()

    def told(done: int, total: int) -> None:
        progress(done, total, f"{total:,} vectors")

    build_dense(index, config, rows, documents.vectors, len(ids), queries=side, progress=told)
