"""Every error searchrank raises on purpose; bases are the decisions a caller can take.

SearchRankError
├── InvalidInputError            the caller can mend it; carries the field that is wrong
│   ├── DefinitionError          a definition, transform or experiment: source, line, column, caret, suggestion
│   ├── DataError                a file, table or column does not hold what was declared
│   ├── ConfigError              a project file or option is wrong
│   └── RequestError             a ranking or search request is wrong (gRPC: INVALID_ARGUMENT)
├── NotFoundError                a named release, alias, workspace, surface or file does not exist
├── ReleaseRefusedError          a release failed its proof; what was serving goes on serving
├── UnavailableError             a dependency did not answer; trying again may help
│   ├── DeadlineError            there was no time left to do the work
│   └── OverloadError            too much is asked; carries how long to wait before trying again
└── ConflictError                something else holds the resource: a busy port, a locked file
"""

from __future__ import annotations

__all__ = [
    "ConfigError",
    "ConflictError",
    "DataError",
    "DeadlineError",
    "DefinitionError",
    "InvalidInputError",
    "NotFoundError",
    "OverloadError",
    "ReleaseRefusedError",
    "RequestError",
    "SearchRankError",
    "UnavailableError",
]


class SearchRankError(Exception):
    """Base of every deliberate error."""


class InvalidInputError(SearchRankError):
    """Something a caller wrote or sent is wrong and can be mended by them.

    Attributes:
        field: Dotted name of the offending field, or empty when the whole input is meant.
    """

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(f"{field}: {message}" if field else message)
        self.field = field


class DefinitionError(InvalidInputError):
    """Something written in a feature or experiment file is refused.

    Attributes:
        line: 1-based line in the source.
        column: 1-based column in the source.
    """

    def __init__(  # noqa: PLR0913 (the parts of a place in a text)
        self,
        message: str,
        *,
        source: str = "",
        line: int = 0,
        column: int = 0,
        text: str = "",
        hint: str = "",
    ) -> None:
        parts = [source, *([str(line), str(column)] if line else [])]
        where = f"{':'.join(filter(None, parts))}: " if any(parts) else ""
        caret = f"\n    {text}\n    {' ' * (column - 1)}^" if text and line else ""
        tail = f"\n  {hint}" if hint else ""
        super().__init__(f"{where}{message}{caret}{tail}")
        self.line = line
        self.column = column


class DataError(InvalidInputError):
    """A file, table or column does not hold what was declared."""


class ConfigError(InvalidInputError):
    """A project file or a command-line option is wrong."""


class RequestError(InvalidInputError):
    """A request to the predictor is wrong; ``field`` names where."""


class NotFoundError(SearchRankError):
    """A named thing does not exist; the message says how to make it."""


class ReleaseRefusedError(SearchRankError):
    """A release failed its proof at load time; the message says which part and why."""


class UnavailableError(SearchRankError):
    """A dependency did not answer; trying again may help."""


class DeadlineError(UnavailableError):
    """No time was left to do the work."""


class OverloadError(UnavailableError):
    """More is asked than can be answered (gRPC: RESOURCE_EXHAUSTED).

    Attributes:
        retry_ms: Milliseconds to wait before trying again; 0: not known.
    """

    def __init__(self, message: str, *, retry_ms: int = 0) -> None:
        super().__init__(message)
        self.retry_ms = retry_ms


class ConflictError(SearchRankError):
    """Something else holds the resource: a busy port, a locked file, a running writer."""
