"""What an index folder says about itself, so that a wrong or stale one is refused and not searched."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from searchrank.errors import DataError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["FORMAT", "IndexManifest", "index_name"]

FORMAT: Final = 3
_REBUILD: Final = "run 'searchrank index' to build it again"


def index_name(branch: str, recipe: Mapping[str, object]) -> str:
    """Return the folder name of an index: two surfaces that build alike share one, two formats never do.

    Args:
        branch: The branch's name.
        recipe: Everything of its configuration that changes what is built, as JSON values.
    """
    text = json.dumps([FORMAT, recipe], sort_keys=True, ensure_ascii=False)
    return f"{branch}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexManifest:
    """The ``manifest.json`` of one index folder.

    Attributes:
        branch: The branch that reads it.
        size: Rows of the catalogue it was built from.
        recipe: The configuration it was built with.
        analyser: Fingerprint of the analyser that cut its texts; empty for an index without texts.
        format: Revision of the files beside the manifest.
    """

    branch: str
    size: int
    recipe: Mapping[str, object]
    analyser: str = ""
    format: int = FORMAT

    def write(self, folder: Path) -> None:
        """Write it into its folder; the last file of an index to be written."""
        (folder / "manifest.json").write_text(json.dumps(asdict(self), indent=2, sort_keys=True) + "\n")

    @classmethod
    def read(cls, folder: Path, branch: str, *, analyser: str = "") -> IndexManifest:
        """Read and check the manifest of an index that is about to be opened.

        Args:
            folder: The index folder.
            branch: The branch that wants to read it.
            analyser: Fingerprint of the analyser that will cut queries.

        Raises:
            NotFoundError: When there is no index.
            DataError: When it is damaged, of another branch, format or analyser.
        """
        try:
            manifest = cls(**json.loads((folder / "manifest.json").read_text()))
        except FileNotFoundError:
            raise NotFoundError(f"no {branch} index in {folder}; {_REBUILD}") from None
        except (ValueError, TypeError) as error:
            raise DataError(f"{folder / 'manifest.json'} is damaged ({error}); {_REBUILD}") from error
        found = (manifest.branch, manifest.format, manifest.analyser)
        if found != (branch, FORMAT, analyser):
            raise DataError(
                f"{folder} holds branch {found[0]}, format {found[1]}, analyser {found[2] or 'none'}; "
                f"this program reads {branch}, {FORMAT}, {analyser or 'none'}; {_REBUILD}"
            )
        return manifest
