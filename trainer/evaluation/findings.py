"""What was found about a release, kept beside it: a release itself never changes once it is written."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from searchrank.errors import DataError
from trainer.evaluation.slices import Slice

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from trainer.evaluation.comparison import Evaluation

__all__ = ["Findings", "beside"]

_SUFFIX: Final = ".evaluation.json"


def beside(folder: Path, suffix: str) -> Path:
    """Return the path of a file that belongs to a release and lies beside its folder."""
    return folder.with_name(folder.name + suffix)


@dataclass(frozen=True, slots=True)
class Findings:
    """How a release compared with what was live.

    Attributes:
        digest: Of the release.
        requests: Number of requests it was measured on.
        metrics: Its metrics.
        champion: Digest of what was live; empty when nothing was.
        version: Version of what was live; 0 when nothing was.
        slices: Where they were compared, ``all`` first; empty when they were not.
        problem: Why not.
    """

    digest: str
    requests: int
    metrics: Mapping[str, float]
    champion: str = ""
    version: int = 0
    slices: tuple[Slice, ...] = ()
    problem: str = ""

    @classmethod
    def of(cls, digest: str, found: Evaluation, metrics: Mapping[str, float]) -> Findings:
        """Take from an evaluation what a later decision needs."""
        if found.rival is None:
            return cls(digest, found.requests, metrics)
        rival = found.rival
        return cls(digest, found.requests, metrics, rival.digest, rival.version, rival.slices, rival.problem)

    def write(self, folder: Path) -> Path:
        """Write them beside a release and return where."""
        path = beside(folder, _SUFFIX)
        draft = beside(folder, _SUFFIX + ".part")
        draft.write_text(json.dumps(_plain(asdict(self)), indent=1, allow_nan=False) + "\n", encoding="utf-8")
        return draft.replace(path)

    @classmethod
    def read(cls, folder: Path) -> Findings | None:
        """Read what lies beside a release; None when nothing does.

        Raises:
            DataError: When it is damaged.
        """
        path = beside(folder, _SUFFIX)
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            slices = tuple(Slice(**{k: _number(v) for k, v in one.items()}) for one in content.pop("slices"))
            return cls(**content, slices=slices)
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            raise DataError(f"{path} is damaged: {error!r}; measure the release again: searchrank evaluate") from error


def _plain(value: object) -> object:
    """Return figures for JSON, which knows neither NaN nor infinity: null instead."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _number(value: Any) -> Any:
    """Return what JSON said of a slice: null is a mean or an error of nothing."""
    return math.nan if value is None else value
