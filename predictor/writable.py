"""Which inputs may be written with which kind of change: what the served releases declare, and ``features.yaml``."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from predictor.requests import Schema
from searchrank.errors import SearchRankError
from searchrank.events import IMPLIED_INPUTS, PUT_ITEM, PUT_USER
from searchrank.features import FeatureSet
from searchrank.features.inputs import Input

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from predictor.serving import Serving

__all__ = ["Declared", "Writable"]

ROOTS: Final = {
    PUT_ITEM: ("item",),
    PUT_USER: ("user",),
    "search": ("request", "session", "query"),
    "impression": ("candidate", "recall"),
}
_logger = logging.getLogger("searchrank.predictor")


@dataclass(frozen=True, slots=True)
class Writable:
    """What may be written.

    Attributes:
        schema: Every declared input, for refusals that help.
        of_kind: Inputs by name that a change of this kind may carry; a kind that is not here carries none.
    """

    schema: Schema
    of_kind: Mapping[str, Mapping[str, Input]]

    @classmethod
    def of(cls, inputs: Iterable[Input]) -> Writable:
        """Return what may be written of declared inputs; of two of one name the first counts."""
        declared: dict[str, Input] = {}
        for item in inputs:
            declared.setdefault(item.name, item)
        sent = {n: i for n, i in declared.items() if i.statistic is None and n not in IMPLIED_INPUTS}
        of_kind = {
            kind: {name: item for name, item in sent.items() if item.root in roots} for kind, roots in ROOTS.items()
        }
        return cls(Schema(context={}, candidate={}, declared=declared), of_kind)


class Declared:
    """What may be written now: follows the served surfaces and the feature file, which may be ahead of them."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._seen: tuple[Any, ...] = ()
        self._writable = Writable.of([])

    def writable(self) -> Writable:
        """Return what may be written (one stat call unless something changed)."""
        served = self._serving.served()
        path = self._serving.workspace.features
        try:
            status = path.stat()
            stamp = (status.st_mtime_ns, status.st_ino, status.st_size)
        except FileNotFoundError:
            stamp = (0, 0, 0)
        seen = (*(surface.release.folder for surface in served), stamp)
        if seen != self._seen:
            inputs = [item for surface in served for item in surface.release.feature_set.inputs.values()]
            try:
                inputs += FeatureSet.load(path).inputs.values()
            except SearchRankError as error:
                _logger.warning("only what is served can be written, the feature file is refused: %s", error)
            self._writable, self._seen = Writable.of(inputs), seen
        return self._writable
