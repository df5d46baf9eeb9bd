"""The experiments of a project, from one text file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Final

from searchrank.errors import DefinitionError, NotFoundError
from searchrank.experiments.assignment import NOBODY, Assigner, Assignment
from searchrank.experiments.layer import Layer
from searchrank.experiments.parameter import BLEND, RELEASE, Value
from searchrank.experiments.reader import Reader
from searchrank.experiments.surroundings import Surroundings

__all__ = ["Experiments", "lint"]

_SOURCE: Final = "experiments.yaml"
_NO_ATTRIBUTES: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True)
class Experiments:
    """Layers by surface.

    Attributes:
        surfaces: The layers of each surface, in the order of the file.
        version: 12 hexadecimal digits of the text's SHA-256.
    """

    surfaces: Mapping[str, tuple[Layer, ...]]
    version: str

    @classmethod
    def parse(cls, text: str, *, source: str = _SOURCE, surroundings: Surroundings | None = None) -> Experiments:
        """Read a text.

        Args:
            text: YAML; see the guide.
            source: What to call it in refusals.
            surroundings: What it must agree with; None checks the text alone.

        Raises:
            problem: A ``DefinitionError``, the first fault with its place.

        Example:
            >>> text = "surfaces: {shop: {page: {salt: p, parameters: {}, experiments: {}}}}"
            >>> Experiments.parse(text).assign("shop", user_id="u1").arms
            ()
        """
        reader = Reader(source, text, surroundings)
        surfaces = reader.read()
        if reader.problems:
            problem = min(reader.problems, key=lambda one: (one.line, one.column))
            raise problem
        return cls(MappingProxyType(surfaces), hashlib.sha256(text.encode()).hexdigest()[:12])

    @classmethod
    def load(cls, path: Path, *, surroundings: Surroundings | None = None) -> Experiments:
        """Read a file; one that does not exist raises ``NotFoundError``, a faulty one ``DefinitionError``."""
        return cls.parse(_text(path), source=path.name, surroundings=surroundings)

    @cached_property
    def _assigners(self) -> dict[str, Assigner]:
        return {name: Assigner(layers) for name, layers in self.surfaces.items()}

    def assigner(self, surface: str) -> Assigner | None:
        """Return what assigns on a surface, or None when nothing is tried there."""
        return self._assigners.get(surface)

    def assign(
        self,
        surface: str,
        *,
        user_id: str = "",
        session_id: str = "",
        attributes: Mapping[str, str] = _NO_ATTRIBUTES,
    ) -> Assignment:
        """Return what applies to a request.

        Args:
            surface: Where; one without layers assigns nothing.
            user_id: Who; empty: default arms in layers that hash users, and no exposure.
            session_id: The caller's session; empty: likewise.
            attributes: Texts of request inputs, for targeting.
        """
        assigner = self._assigners.get(surface)
        return assigner.assign(user_id, session_id, attributes) if assigner else NOBODY

    def releases(self, surface: str) -> frozenset[int | str]:
        """Return the releases that arms of a surface ask for, by version or alias."""
        return frozenset(one if isinstance(one, str) else int(one) for one in self._asked(surface, RELEASE))

    def blends(self, surface: str) -> frozenset[str]:
        """Return the blends that arms of a surface ask for."""
        return frozenset(str(one) for one in self._asked(surface, BLEND))

    def _asked(self, surface: str, part: str) -> list[Value]:
        """Return every value that a part of serving may be set to."""
        layers = self.surfaces.get(surface, ())
        names = {p.name for layer in layers for p in layer.parameters.values() if p.sets == part}
        arms = [arm for layer in layers for experiment in layer.experiments for arm in experiment.arms]
        asked = [value for arm in arms for name, value in arm.parameters.items() if name in names]
        defaults = [p.default for layer in layers for p in layer.parameters.values() if p.name in names]
        return asked + [value for value in defaults if value]


def lint(text: str, *, source: str = _SOURCE, surroundings: Surroundings | None = None) -> tuple[DefinitionError, ...]:
    """Return every fault of a text in the order of its lines; arguments as for ``Experiments.parse``."""
    reader = Reader(source, text, surroundings)
    reader.read()
    return tuple(sorted(reader.problems, key=lambda problem: (problem.line, problem.column)))


def _text(path: Path) -> str:
    """Return the text of a file.

    Raises:
        NotFoundError: When there is none.
        DefinitionError: When it is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFoundError(f"there is no {path}; nothing is tried in this project") from None
    except UnicodeDecodeError as error:
        raise DefinitionError(f"the file is not UTF-8: {error.reason}", source=path.name) from None
