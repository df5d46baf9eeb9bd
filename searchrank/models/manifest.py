"""``release.json``: what a release is, and the digest of every file in it."""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from searchrank.errors import ConfigError, NotFoundError, ReleaseRefusedError

__all__ = [
    "CARD",
    "FEATURES",
    "FILES",
    "GOLDEN",
    "INPUTS",
    "MANIFEST",
    "MODEL",
    "PROFILE",
    "Manifest",
    "check_name",
    "file_digest",
    "find_release",
    "releases",
    "versions",
]

log = logging.getLogger(__name__)

FORMAT: Final = 1
MANIFEST: Final = "release.json"
FEATURES: Final = "features.yaml"
MODEL: Final = "model.txt"
INPUTS: Final = "inputs.json"
GOLDEN: Final = "golden.arrow"
PROFILE: Final = "profile.arrow"
CARD: Final = "card.md"
FILES: Final = (FEATURES, MODEL, INPUTS, GOLDEN, PROFILE, CARD)

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_FOLDER: Final = re.compile(r"(\d{1,9})-([0-9a-f]{12})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The content of ``release.json``.

    Attributes:
        name: Name of the model.
        version: 1, 2, 3…, one more than the last under this name.
        created: When it was made, ISO 8601 in UTC.
        scorer: Which kind of scorer its model is.
        columns: Model columns, in order.
        fingerprints: SHA-256 of the meaning of the features, the plan and the fitted inputs.
        lineage: Where data and code came from; free JSON.
        metrics: Figures of the evaluation.
        environment: On what it was made (see ``environment``).
        files: SHA-256 of each file.
        format: Version of this format.
    """

    name: str
    version: int
    created: str
    scorer: str
    columns: tuple[str, ...]
    fingerprints: Mapping[str, str]
    lineage: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    format: int = FORMAT

    @property
    def digest(self) -> str:
        """SHA-256 of everything else in ``release.json``, and through the files' digests of the whole release."""
        text = json.dumps(asdict(self), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def folder(self) -> str:
        """Name of the release's folder under the model's: ``<version>-<first 12 of the digest>``."""
        return f"{self.version}-{self.digest[:12]}"

    def to_text(self) -> str:
        """Write ``release.json``.

        Raises:
            ConfigError: When lineage or metrics hold something that is no JSON.
        """
        try:
            content = {"digest": self.digest} | asdict(self)
            return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        except (TypeError, ValueError) as error:
            raise ConfigError(f"lineage and metrics must be plain, finite JSON: {error}") from error

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Read a release's manifest; its other files are not looked at.

        Raises:
            NotFoundError: When there is no release in the folder.
            ReleaseRefusedError: When ``release.json`` is damaged or of a later format.
        """
        try:
            content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
            digest = content.pop("digest")
            if content.get("format") != FORMAT:
                raise ReleaseRefusedError(
                    f"{folder} has format {content.get('format')}, this searchrank reads {FORMAT}; train it again"
                )
            known = {f.name for f in fields(cls)}
            manifest = cls(**{k: v for k, v in content.items() if k in known} | {"columns": tuple(content["columns"])})
        except (FileNotFoundError, NotADirectoryError):
            raise NotFoundError(f"no release in {folder}: {MANIFEST} is missing") from None
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ReleaseRefusedError(f"{folder / MANIFEST} is damaged: {error!r}") from error
        if manifest.digest != digest:
            raise ReleaseRefusedError(
                f"{folder / MANIFEST} was changed: it says digest {digest}, has {manifest.digest}"
            )
        return manifest


def check_name(name: str) -> None:
    """Refuse a model name that is no file name everywhere.

    Raises:
        ConfigError: When it is not 1 to 63 of a-z, 0-9, _ and -, beginning with a letter or digit.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(f"a model's name is 1 to 63 of a-z, 0-9, _ and -, not {name!r:.80}", field="name")


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def versions(folder: Path) -> dict[int, Path]:
    """Return the folder of each version of one model, ascending."""
    found = {int(f.name.split("-")[0]): f for f in folder.glob("*-*") if _FOLDER.fullmatch(f.name)}
    return dict(sorted(found.items()))


def releases(root: Path, name: str | None = None) -> tuple[tuple[Path, Manifest], ...]:
    """Return the folder and manifest of every release, or of one model's, by name and version.

    One whose manifest is damaged is left out with a warning.
    """
    found = []
    for model in sorted(root.iterdir()) if root.is_dir() else ():
        for folder in versions(model).values() if name in {None, model.name} else ():
            try:
                found.append((folder, Manifest.read(folder)))
            except (ReleaseRefusedError, NotFoundError) as error:
                log.warning("passed over: %s", error)
    return tuple(found)


def find_release(root: Path, name: str, version: int) -> Path:
    """Return a release's folder.

    Raises:
        NotFoundError: When there is none of that name and version; names those there are.
    """
    there = versions(root / name)
    if version not in there:
        known = ", ".join(map(str, there)) or "none; run 'searchrank train'"
        raise NotFoundError(f"no version {version} of {name!r}; there are: {known}")
    return there[version]
