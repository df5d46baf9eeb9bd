"""The schema of a log follows the feature set."""

from types import SimpleNamespace

import pytest

from searchrank.events import CORE, schema
from searchrank.features.inputs import Input, InputType, Statistic, StatisticKind


def declared(*inputs):
    return SimpleNamespace(inputs={i.name: i for i in inputs})


def test_what_is_sent_becomes_a_column_and_what_is_counted_does_not():
    counted = Statistic(kind=StatisticKind.COUNT, event="click")
    result = schema(
        declared(
            Input(name="request.location", type=InputType.POINT),
            Input(name="request.query", type=InputType.TOKENS),
            Input(name="request.time", type=InputType.TIME),
            Input(name="candidate.eta_min", type=InputType.FLOAT),
            Input(name="session.clicks", type=InputType.SIGNAL, statistic=counted),
            Input(name="item.price", type=InputType.FLOAT),
            Input(name="user.home", type=InputType.POINT),
            Input(name="recall.lexical_score", type=InputType.FLOAT),
        )
    )
    assert result.names == [
        *CORE.names,
        "candidate.eta_min",
        "item.price",
        "recall.lexical_score",
        "request.location",
        "user.home",
    ]


@pytest.mark.parametrize("kind", list(InputType))
def test_columns_have_the_type_that_records_are_encoded_from(kind):
    records = pytest.importorskip("searchrank.features.records")
    given = Input(name="request.x", type=kind, size=3, limit=4)
    assert schema(declared(given)).field("request.x").type == records.arrow_type(given)
