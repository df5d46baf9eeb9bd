"""Which releases exist and which lead: runs, registered versions and aliases in MLflow.

A version refers to the release folder by path and digest; nothing is copied. MLflow is not on the request path:
predictors watch the ledger, which is written after the alias.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from searchrank.errors import NotFoundError
from searchrank.models import CHAMPION
from trainer.tracking import connect, failures

if TYPE_CHECKING:
    from mlflow import MlflowClient

__all__ = ["Registry", "Run", "Version"]

log = logging.getLogger(__name__)

_DIGEST: Final = "searchrank.digest"
_FOLDER: Final = "searchrank.folder"
_RELEASE: Final = "searchrank.release"


@dataclass(frozen=True, slots=True)
class Run:
    """One training run.

    Attributes:
        model: Name of the model.
        parameters: What it was trained with.
        metrics: What it reached; values that are not finite are left out.
        tags: Anything else worth finding it by.
        files: Pages and the like that are kept with it.
    """

    model: str
    parameters: Mapping[str, object] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    files: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Version:
    """One registered release.

    Attributes:
        model: Name of the model.
        number: MLflow's version number, from 1.
        release: The release's own version.
        digest: Digest of the release folder.
        folder: Where it lies.
        created: When it was registered.
        aliases: Aliases that point to it.
        run: Identity of the run that made it; empty if none.
    """

    model: str
    number: int
    release: str
    digest: str
    folder: Path
    created: datetime
    aliases: tuple[str, ...]
    run: str


class Registry:
    """Runs, versions and aliases of one MLflow store."""

    def __init__(self, client: MlflowClient, uri: str) -> None:
        self._client = client
        self._uri = uri

    @classmethod
    def open(cls, uri: str) -> Registry:
        """Open the store at ``uri``, making an SQLite file if there is none.

        Raises:
            ConfigError: When MLflow is not installed or too old.
            ConflictError: When another program holds the SQLite file.
            UnavailableError: When the server does not answer.
        """
        return cls(connect(uri), uri)

    def record(self, run: Run) -> str:
        """Log a finished run under the experiment named after its model and return its identity."""
        from mlflow.entities import Metric, Param, RunTag  # noqa: PLC0415 - seconds

        now = int(datetime.now(UTC).timestamp() * 1000)
        metrics = [
            Metric(_spelling(name), float(value), now, 0) for name, value in run.metrics.items() if math.isfinite(value)
        ]
        parameters = [Param(_spelling(name), str(value)) for name, value in run.parameters.items()]
        tags = [RunTag(name, value) for name, value in run.tags.items()]
        with failures(self._uri):
            identity = str(self._client.create_run(self._experiment(run.model)).info.run_id)
            self._client.log_batch(identity, metrics, parameters, tags)
            for path in run.files:
                self._keep(identity, path)
            self._client.set_terminated(identity)
        return identity

    def _keep(self, run: str, path: Path) -> None:
        """Keep a file with a run; what a store of files does wrong is no reason to lose the run."""
        from mlflow.exceptions import MlflowException  # noqa: PLC0415 - seconds

        try:
            self._client.log_artifact(run, str(path))
        except (OSError, MlflowException) as error:
            log.warning("MLflow at %s did not keep %s: %s", self._uri, path, str(error)[:200])

    def register(self, model: str, folder: Path, *, digest: str, release: str, run: str = "") -> Version:
        """Register a release folder; the same digest keeps the version it has."""
        for version in self.versions(model):
            if version.digest == digest:
                return version
        place = folder.resolve()
        tags = {_DIGEST: digest, _FOLDER: str(place), _RELEASE: release}
        with failures(self._uri):
            if not self._client.search_registered_models(f"name = '{_quoted(model)}'"):
                self._client.create_registered_model(model)
            made = self._client.create_model_version(model, place.as_uri(), run or None, tags=tags)
        return _version(made, ())

    def versions(self, model: str) -> tuple[Version, ...]:
        """Return the registered versions of a model, newest first."""
        with failures(self._uri):
            models = self._client.search_registered_models(f"name = '{_quoted(model)}'")
            aliases = dict(models[0].aliases) if models else {}
            found = list(self._client.search_model_versions(f"name = '{_quoted(model)}'"))
        named = [_version(one, tuple(sorted(a for a, n in aliases.items() if n == one.version))) for one in found]
        return tuple(sorted(named, key=lambda version: -version.number))

    def aliased(self, model: str, alias: str = CHAMPION) -> Version | None:
        """Return the version an alias points to, or None."""
        return next((version for version in self.versions(model) if alias in version.aliases), None)

    def point(self, model: str, digest: str, alias: str = CHAMPION) -> Version:
        """Point an alias at the version with a digest.

        Raises:
            NotFoundError: When no such release is registered.
        """
        version = next((one for one in self.versions(model) if one.digest == digest), None)
        if version is None:
            raise NotFoundError(f"no version of {model!r} with digest {digest[:12]} is registered at {self._uri}")
        with failures(self._uri):
            self._client.set_registered_model_alias(model, alias, str(version.number))
        return version

    def _experiment(self, name: str) -> str:
        """Return the identity of the experiment of this name, made if need be.

        Files of its runs lie beside an SQLite file; a server decides by itself.
        """
        found = self._client.get_experiment_by_name(name)
        if found:
            return str(found.experiment_id)
        path = self._uri.removeprefix("sqlite:///")
        place = None if path == self._uri else (Path(path).resolve().parent / "mlflow-files").as_uri()
        return str(self._client.create_experiment(name, artifact_location=place))


def _version(made: Any, aliases: tuple[str, ...]) -> Version:
    """Return our view of MLflow's version."""
    tags = dict(made.tags)
    return Version(
        made.name,
        int(made.version),
        tags.get(_RELEASE, ""),
        tags.get(_DIGEST, ""),
        Path(tags.get(_FOLDER, "")),
        datetime.fromtimestamp(made.creation_timestamp / 1000, UTC),
        aliases,
        made.run_id or "",
    )


def _spelling(name: str) -> str:
    """Return a name MLflow accepts: ``ndcg@10`` becomes ``ndcg_at_10``."""
    return name.replace("@", "_at_")


def _quoted(name: str) -> str:
    """Return a name for MLflow's filter language."""
    return name.replace("'", "''")
