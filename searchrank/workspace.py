"""Where a project's files live: one folder with a fixed layout, so that no program asks for ten paths."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from searchrank.errors import NotFoundError

__all__ = ["Workspace"]


@dataclass(frozen=True, slots=True)
class Workspace:
    """A project folder and the paths inside it.

    Attributes:
        root: The folder; everything else is derived from it.
    """

    root: Path

    @property
    def project(self) -> Path:
        """``project.yaml``: surfaces, recall configuration and model specifications."""
        return self.root / "project.yaml"

    @property
    def features(self) -> Path:
        """``features.yaml``: inputs and feature definitions."""
        return self.root / "features.yaml"

    @property
    def experiments(self) -> Path:
        """``experiments.yaml``: who sees what; may be absent."""
        return self.root / "experiments.yaml"

    @property
    def items(self) -> Path:
        """The raw catalogue, one row an item (Arrow IPC)."""
        return self.root / "catalogue" / "items.arrow"

    @property
    def users(self) -> Path:
        """Raw user profiles, one row a user (Arrow IPC); may be absent."""
        return self.root / "catalogue" / "users.arrow"

    @property
    def events(self) -> Path:
        """The append-only event log."""
        return self.root / "events"

    @property
    def serving(self) -> Path:
        """The serving log: what was answered, one series of files a worker."""
        return self.root / "serving"

    @property
    def shadow(self) -> Path:
        """What came of shadow releases, one file a worker."""
        return self.root / "shadow"

    @property
    def snapshots(self) -> Path:
        """Catalogue and state snapshots with the recall indexes built from them, one folder each."""
        return self.root / "snapshots"

    @property
    def releases(self) -> Path:
        """Content-addressed release directories."""
        return self.root / "releases"

    @property
    def ledger(self) -> Path:
        """What is and was live: the append-only file that predictors watch."""
        return self.root / "ledger.jsonl"

    @property
    def page_key(self) -> Path:
        """The secret that page tokens are signed with; made by the first worker, never handed out."""
        return self.root / "page.key"

    @property
    def tracking_uri(self) -> str:
        """Default MLflow tracking and registry store, an SQLite file."""
        return f"sqlite:///{(self.root / 'mlflow.db').resolve()}"

    def require(self) -> Workspace:
        """Return itself if the folder holds a project.

        Raises:
            NotFoundError: When ``project.yaml`` is missing.
        """
        if not self.project.is_file():
            raise NotFoundError(
                f"no project in {self.root} ({self.project.name} is missing); "
                "run 'searchrank demo' to make one, or name it with --home"
            )
        return self
