"""What is held out of what is known: for each person the items they chose last."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["HeldOut"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """People over whom measures are averaged, each with at least one item that is held out and was wanted.

    Attributes:
        users: Their ids.
        known: For each the items they are known to have dealt with; they are not listed again.
        wanted: For each the held-out items that they wanted.
    """

    users: tuple[str, ...]
    known: tuple[tuple[str, ...], ...]
    wanted: tuple[tuple[str, ...], ...]

    def __len__(self) -> int:
        return len(self.users)
