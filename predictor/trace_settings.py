"""Whether, where and which requests a worker traces: by OpenTelemetry's own variables, else by the project."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Final

from predictor.tracing import Sampling, Tracer
from searchrank.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from predictor.metrics import Metrics
    from searchrank.project import Tracing

__all__ = ["endpoint", "open_tracer", "sampling"]

_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_PARENT: Final = "parentbased_"
_RATIOS: Final = {"always_on": 1.0, "always_off": 0.0, "traceidratio": None}
_EXTRA: Final = "tracing needs OpenTelemetry: pip install 'searchrank[otel]'"
_logger = logging.getLogger("searchrank.predictor")


def open_tracer(config: Tracing | None, metrics: Metrics, environment: Mapping[str, str] = os.environ) -> Tracer | None:
    """Return what traces requests; None: they are not traced, and nothing of OpenTelemetry is imported.

    Args:
        config: The project's section; None: it has none.
        metrics: Where spans are counted.
        environment: The variables of this process.

    Raises:
        ConfigError: When a variable says what cannot be, or the project asks for what is not installed.
    """
    where = endpoint(config, environment)
    if where is None:
        return None
    found, queue = sampling(config, environment), _whole(environment, "OTEL_BSP_MAX_QUEUE_SIZE", 2048)
    try:
        from predictor.exporting import SpanExport, open_exporter  # noqa: PLC0415 - only when it is on
    except ModuleNotFoundError as error:
        if config is not None:
            raise ConfigError(_EXTRA, field="tracing") from error
        _logger.warning("requests are not traced, though the environment asks for it: %s", _EXTRA)
        return None

    def count(result: str, spans: int) -> None:
        metrics.spans.labels(result).inc(spans)

    export = SpanExport(open_exporter(where or None), count, queue=queue)
    _logger.info("tracing %.3g%% of the requests that their callers do not decide for", 100 * found.ratio)
    return Tracer(found, export.take, export.close)


def endpoint(config: Tracing | None, environment: Mapping[str, str] = os.environ) -> str | None:
    """Return the address that spans are sent to, empty when variables name it; None when tracing is off.

    Raises:
        ConfigError: When variables ask for another protocol or exporter than OTLP over gRPC.
    """
    named = next((name for name in _ENDPOINTS if environment.get(name)), "")
    if config is None and not named:
        return None
    exporter = environment.get("OTEL_TRACES_EXPORTER") or "otlp"
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true" or exporter == "none":
        return None
    if exporter != "otlp":
        raise ConfigError(f"OTEL_TRACES_EXPORTER is {exporter!r}; spans are sent by 'otlp', or not at all by 'none'")
    protocol = next((environment[name] for name in _PROTOCOLS if environment.get(name)), "grpc")
    if named and protocol != "grpc":
        raise ConfigError(f"OTEL_EXPORTER_OTLP_PROTOCOL is {protocol!r}; spans are sent by 'grpc', often on port 4317")
    return "" if named or config is None else config.endpoint


def sampling(config: Tracing | None, environment: Mapping[str, str] = os.environ) -> Sampling:
    """Return which requests are traced.

    Raises:
        ConfigError: When ``OTEL_TRACES_SAMPLER`` or its argument is none that there is.
    """
    name = environment.get("OTEL_TRACES_SAMPLER", "")
    if not name:
        return Sampling(1.0 if config is None else config.ratio)
    own = name.removeprefix(_PARENT)
    if own not in _RATIOS:
        known = ", ".join(f"{prefix}{kind}" for prefix in ("", _PARENT) for kind in _RATIOS)
        raise ConfigError(f"OTEL_TRACES_SAMPLER is {name!r}; there are {known}")
    ratio = _RATIOS[own]
    return Sampling(_ratio(environment) if ratio is None else ratio, heeds_parent=name.startswith(_PARENT))


def _ratio(environment: Mapping[str, str]) -> float:
    words = environment.get("OTEL_TRACES_SAMPLER_ARG") or "1"
    try:
        ratio = float(words)
    except ValueError:
        ratio = -1.0
    if not 0 <= ratio <= 1:
        raise ConfigError(f"OTEL_TRACES_SAMPLER_ARG is {words!r}; write a number from 0 to 1")
    return ratio


def _whole(environment: Mapping[str, str], name: str, default: int) -> int:
    words = environment.get(name) or str(default)
    if not (words.isascii() and words.isdigit() and int(words)):
        raise ConfigError(f"{name} is {words!r}; write a whole number above 0")
    return int(words)
