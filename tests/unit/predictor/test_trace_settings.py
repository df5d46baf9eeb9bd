"""OpenTelemetry's own variables and the project's section: which of them decide, and what is refused."""

import sys

import pytest

from predictor.metrics import Metrics
from predictor.trace_settings import endpoint, open_tracer, sampling
from predictor.tracing import Sampling
from searchrank.errors import ConfigError
from searchrank.project import Tracing

CONFIG = Tracing(endpoint="http://collector:4317", ratio=0.2)
NAMED = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://elsewhere:4317"}


@pytest.mark.parametrize(
    ("config", "environment", "found"),
    [
        (None, {}, None),
        (CONFIG, {}, "http://collector:4317"),
        (None, NAMED, ""),
        (CONFIG, NAMED, ""),
        (None, {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://t:4317"}, ""),
        (CONFIG, {"OTEL_SDK_DISABLED": "true"}, None),
        (CONFIG, {"OTEL_TRACES_EXPORTER": "none"}, None),
        (None, {"OTEL_TRACES_EXPORTER": "otlp"}, None),
    ],
)
def test_spans_go_where_the_environment_or_else_the_project_says(config, environment, found):
    assert endpoint(config, environment) == found


@pytest.mark.parametrize(
    ("config", "environment", "found"),
    [
        (CONFIG, {}, Sampling(0.2)),
        (None, NAMED, Sampling(1.0)),
        (CONFIG, {"OTEL_TRACES_SAMPLER": "parentbased_always_off"}, Sampling(0.0)),
        (CONFIG, {"OTEL_TRACES_SAMPLER": "always_on"}, Sampling(1.0, heeds_parent=False)),
        (
            None,
            {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.125"},
            Sampling(0.125),
        ),
        (None, {"OTEL_TRACES_SAMPLER": "traceidratio"}, Sampling(1.0, heeds_parent=False)),
    ],
)
def test_the_sampler_is_that_of_the_environment_or_else_the_projects(config, environment, found):
    assert sampling(config, environment) == found


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "by 'otlp', or not at all"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, "sent by 'grpc'"),
        ({"OTEL_TRACES_SAMPLER": "sometimes"}, "there are always_on"),
        ({"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "much"}, "a number from 0 to 1"),
        ({"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "nan"}, "a number from 0 to 1"),
        ({"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "1.5"}, "a number from 0 to 1"),
        ({"OTEL_BSP_MAX_QUEUE_SIZE": "0"}, "a whole number above 0"),
        ({"OTEL_BSP_MAX_QUEUE_SIZE": "some"}, "a whole number above 0"),
    ],
)
def test_a_variable_that_says_what_cannot_be_is_refused(environment, words):
    with pytest.raises(ConfigError, match=words):
        open_tracer(None, Metrics(), NAMED | environment)


def test_without_section_and_variables_nothing_is_traced():
    assert open_tracer(None, Metrics(), {}) is None


@pytest.fixture
def without_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "predictor.exporting", None)  # as if what it imports were not installed


@pytest.mark.usefixtures("without_extra")
def test_a_project_that_asks_for_what_is_not_installed_is_told_what_to_install():
    with pytest.raises(ConfigError, match=r"pip install 'searchrank\[otel\]'"):
        open_tracer(CONFIG, Metrics(), {})


@pytest.mark.usefixtures("without_extra")
def test_an_environment_that_asks_for_it_of_everybody_is_warned_of_and_served(caplog):
    assert open_tracer(None, Metrics(), NAMED) is None
    assert "pip install 'searchrank[otel]'" in caplog.text
