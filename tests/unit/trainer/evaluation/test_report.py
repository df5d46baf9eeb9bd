"""The page of a release: figures, slices, winners and losers, inputs; nothing that was not measured."""

from dataclasses import replace
from math import nan

import numpy as np
import pyarrow as pa
import pytest

from searchrank.features import FeatureSet
from searchrank.models import Manifest
from trainer.evaluation.comparison import CHAMPION_RANKING, MODEL, RECALL_ORDER, Rival, against, compare
from trainer.evaluation.report import Report
from trainer.evaluation.requests import titles_of
from trainer.evaluation.worth import InputWorth, losses
from trainer.samples import Samples

FEATURES = FeatureSet.parse("inputs: {item.price: {type: float}}")
MANIFEST = Manifest(name="shop", version=3, created="today", scorer="lightgbm", columns=("a",), fingerprints={})


@pytest.fixture
def found():
    """Three requests of two items: the first gains, the second loses, the third does neither."""
    samples = Samples(
        FEATURES,
        pa.table(
            {"request_id": ["r0", "r1", "r2"], "query": ["<tea>", None, "milk"], "user_id": ["somebody", None, None]}
        ),
        pa.table({"item_id": ["a", "b"] * 3}),
        np.arange(3),
        np.full(3, 2),
        np.tile([0, 1], 3),
        np.array([1, 0, 1, 0, 1, 0], np.float32),
    )
    ours, theirs = np.array([2.0, 1, 1, 2, 2, 1]), np.array([1.0, 2, 2, 1, 2, 1])
    rankings = {MODEL: ours, RECALL_ORDER: theirs, CHAMPION_RANKING: theirs}
    return compare(samples, rankings, exploration=False)


def test_the_page_names_slices_winners_losers_and_inputs(found):
    judged = against(Rival("d" * 64, 2), found, {"dear": np.array([True, True, False])}, 0.025)
    worths = (InputWorth("price", 0.75, 0.02, 3.5), InputWorth("age", nan, -0.01, 0.0))
    text = Report(
        MANIFEST, judged, 0.025, worths, {"a": "Green & black"}, 10, {"item.kind": np.array([1, 2] * 3)}
    ).to_html()
    assert "shop, version 3" in text
    assert "worse by more than chance nowhere" in text
    assert ">dear<" in text
    assert "1 requests gain, 1 lose, 1 do neither" in text
    assert (
        text.index("Winners") < text.index("<td class=left>&lt;tea&gt;</td>") < text.index("Losers") < text.index("r1")
    )
    assert "<b>Green &amp; black</b>" in text
    assert "3.5" in text
    assert "somebody" not in text
    assert "coverage@10" in text
    assert "<td>diversity@10 by item.kind</td><td>1.0000<br>" in text


def test_a_slice_that_is_worse_stands_out(found):
    judged = against(Rival("d" * 64, 2), found, {}, 0.025)
    worse = replace(judged.rival.slices[0], name="tail", p=0.0001, p_holm=0.0002)
    rival = replace(judged.rival, slices=(*judged.rival.slices, worse))
    assert "worse by more than chance: tail" in Report(MANIFEST, replace(judged, rival=rival), 0.025).to_html()


def test_a_champion_that_could_not_be_asked_is_told_of(found):
    text = Report(MANIFEST, replace(found, rival=Rival("d" * 64, 2, problem="it reads <other> words")), 0.025).to_html()
    assert "Not compared: it reads &lt;other&gt; words." in text


def test_scores_that_are_probabilities_are_calibrated(found):
    assert "Calibration" not in Report(MANIFEST, found, 0.025).to_html()
    samples = found.details.samples
    chances = compare(samples, {MODEL: np.array([0.9, 0.1] * 3)}, exploration=False)
    assert "expected calibration error 0.1000" in Report(MANIFEST, chances, 0.025).to_html()


def test_without_requests_the_means_are_shown(found):
    text = Report(MANIFEST, replace(found, details=None, held_out=True), 0.025).to_html()
    assert "3 people, by what they chose last" in text
    assert "<td>mrr</td>" in text
    assert "Winners" not in text


def test_titles_are_texts_or_nothing():
    items = pa.table({"item_id": ["a", "b"], "item.title": ["Tea", None], "item.price": [1.0, 2.0]})
    assert titles_of(items, "item.title") == {"a": "Tea"}
    assert titles_of(items, "item.price") == titles_of(items, "item.none") == {}


class Sum:
    """Scores by the first column alone."""

    def score(self, columns):
        return columns[0].astype(np.float64)


def test_an_input_is_worth_what_is_lost_without_it():
    generator = np.random.default_rng(1)
    columns = generator.random((2, 4000)).astype(np.float32)
    before = columns.copy()
    found = losses(Sum(), columns, (columns[0] > 0.8).astype(float), np.full(400, 10))
    assert found[0] > 0.3
    assert found[1] == 0.0
    assert (columns == before).all()
