"""How we talk to MLflow: quiet, without telemetry, and with its failures turned into ours.

MLflow takes seconds to import, so nothing here does before a store is opened.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from searchrank.errors import ConfigError, ConflictError, NotFoundError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlflow import MlflowClient

__all__ = ["check_unlocked", "connect", "failures"]

_SETTINGS: Final = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
}
_PATIENCE: Final = 2.0  # seconds to wait for another writer of an SQLite file


def connect(uri: str) -> MlflowClient:
    """Open a tracking and registry store.

    Args:
        uri: ``sqlite:///path`` or an MLflow server's address.

    Raises:
        ConfigError: When MLflow is not installed or older than version 3.
        ConflictError: When another program holds the SQLite file.
        UnavailableError: When the server does not answer.
    """
    check_unlocked(uri)
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    with failures(uri):
        try:
            import mlflow  # noqa: PLC0415 - seconds
        except ModuleNotFoundError as error:
            raise ConfigError("MLflow is not installed; pip install 'searchrank[train]'") from error
        if int(mlflow.__version__.split(".", 1)[0]) < 3:
            raise ConfigError(f"MLflow {mlflow.__version__} is too old; version 3 is needed")
        for chatty in ("mlflow", "alembic"):
            logging.getLogger(chatty).setLevel(logging.WARNING)
        return mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)


def check_unlocked(uri: str) -> None:
    """Refuse a locked SQLite file early, since MLflow would try it for minutes; other stores pass.

    Raises:
        ConflictError: When the file is locked.
        ConfigError: When it cannot be opened as a database.
    """
    if not uri.startswith("sqlite:///"):
        return
    path = uri.removeprefix("sqlite:///")
    try:
        connection = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
        finally:
            connection.close()
    except sqlite3.Error as error:
        if _is_lock(error):
            raise ConflictError(_locked(path)) from error
        raise ConfigError(f"the MLflow file {path} cannot be opened: {error}") from error


@contextmanager
def failures(uri: str) -> Iterator[None]:
    """Run calls of MLflow without its warnings, with its errors as ours.

    Raises:
        ConflictError: When another program holds the SQLite file.
        NotFoundError: When MLflow knows no such thing.
        UnavailableError: When MLflow fails otherwise.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except Exception as error:
            if type(error).__module__.split(".")[0] not in {"mlflow", "sqlalchemy", "requests"}:
                raise
            if _is_lock(error):
                raise ConflictError(_locked(uri)) from error
            if getattr(error, "error_code", "") == "RESOURCE_DOES_NOT_EXIST":
                raise NotFoundError(f"MLflow at {uri}: {error}") from error
            raise UnavailableError(f"MLflow at {uri} failed: {str(error)[:500]}") from error


def _is_lock(error: Exception) -> bool:
    """Tell whether an error says that an SQLite file is locked."""
    return "database is locked" in str(error) or "database table is locked" in str(error)


def _locked(place: str) -> str:
    """Return what to say about a locked file."""
    return (
        f"the MLflow file {place} is locked by another program; let it finish or stop it (a training run or "
        "'mlflow ui' on the same file), or name a server with --tracking-uri"
    )
