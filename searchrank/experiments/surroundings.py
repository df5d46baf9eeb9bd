"""What a configuration must agree with: the project's surfaces, their branches, inputs, releases and blends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from searchrank.project import Project

__all__ = ["Surroundings"]


def _anything(_surface: str, _expression: str) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is there to be named.

    Attributes:
        project: Surfaces and models.
        versions: Release versions by model.
        aliases: Names under which releases are live, by model.
        inputs: Request-scope text inputs that callers may send, for targeting.
        blend_problem: Says why an expression cannot be the blend of a surface; empty when it can.
    """

    project: Project
    versions: Mapping[str, tuple[int, ...]]
    aliases: Mapping[str, tuple[str, ...]]
    inputs: frozenset[str]
    blend_problem: Callable[[str, str], str] = _anything

    def branches(self, surface: str) -> tuple[str, ...]:
        """Return the recall branches of a surface."""
        return tuple(self.project.surfaces[surface].recall)

    def orderings(self, surface: str) -> tuple[str, ...]:
        """Return what re-ranking of a surface may be: its own, none, or one of its variants."""
        section = self.project.surfaces[surface].rerank
        return ("default", "none", *(section.variants if section is not None else ()))

    def releases(self, surface: str) -> tuple[int | str, ...]:
        """Return the release versions of a surface's model, and the aliases that name one of them."""
        model = self.project.surfaces[surface].model
        return (*self.versions.get(model, ()), *self.aliases.get(model, ()))
