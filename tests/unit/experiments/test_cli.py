"""The verb: what it says of a file, a unit and a log, and with which code it ends."""

import json

import numpy as np
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from predictor.experiment_cli import experiment
from searchrank.errors import ConfigError, DefinitionError, NotFoundError
from searchrank.events import EventLog
from searchrank.experiments import Experiments, place
from searchrank.features import FeatureSet
from searchrank.serving_log import Answered, ServingLogWriter
from searchrank.workspace import Workspace

MOMENT = 1_767_225_600_000_000
TEXT = """\
surfaces:
  shop:
    page:
      salt: shop-page
      parameters:
        page_size: {type: integer, sets: limit}
        banner: {type: text, default: none}
      experiments:
        longer:
          buckets: 0-9998
          share: 99.98%
          where: {request.device: [phone, tablet]}
          overrides: {tester: long}
          arms:
            control: {weight: 1}
            long: {weight: 1, set: {page_size: 30}}
"""
PROJECT = "surfaces: {shop: {model: taste}}\nmodels: {taste: {inputs: [price]}}\n"
FEATURES = (
    "inputs:\n  item.price: {type: float}\n  request.device: {type: category}\nfeatures:\n  price: item.price * 1\n"
)


@pytest.fixture
def home(tmp_path):
    workspace = Workspace(tmp_path)
    workspace.project.write_text(PROJECT)
    workspace.features.write_text(FEATURES)
    workspace.experiments.write_text(TEXT)
    return workspace


def run(home, *arguments):
    return CliRunner().invoke(experiment, [*arguments, "--home", str(home.root)])


def figures(home, *arguments):
    result = run(home, *arguments, "--json")
    if result.exception:
        raise result.exception
    return json.loads(result.stdout.splitlines()[-1])


def test_a_good_file_has_no_faults(home):
    assert "no faults" in run(home, "lint").stdout
    assert figures(home, "lint")["faults"] == []


def test_a_faulty_file_is_told_line_by_line_and_ends_with_1(home, tmp_path):
    other = tmp_path / "other.yaml"
    other.write_text(TEXT.replace("0-9998", "x").replace("none", "3"))
    result = run(home, "lint", str(other))
    assert result.exit_code == 1
    assert f"{other}:7:39: banner is a text" in result.stderr
    assert f"{other}:10:20: 'x' names no buckets" in result.stderr


def test_a_file_is_compared_with_the_project(home):
    home.experiments.write_text(TEXT.replace("request.device", "request.color"))
    result = run(home, "lint")
    assert result.exit_code == 1
    assert "callers send no text 'request.color'" in result.stderr


def test_a_file_alone_is_checked_without_a_project(tmp_path):
    (tmp_path / "experiments.yaml").write_text(TEXT.replace("request.device", "request.color"))
    result = CliRunner().invoke(
        experiment, ["lint", str(tmp_path / "experiments.yaml"), "--home", str(tmp_path / "no")]
    )
    assert result.exit_code == 0
    assert "not compared with a project" in result.stdout


def test_show_tells_buckets_and_what_is_free(home):
    (layer,) = figures(home, "show")["layers"]
    assert (layer["surface"], layer["layer"], layer["salt"], layer["free"]) == ("shop", "page", "shop-page", "9999")
    (told,) = layer["experiments"]
    assert (told["buckets"], told["share"], told["arms"]) == ("0-9998", 0.9998, {"control": 1, "long": 1})
    assert "0-9998" in run(home, "show").stdout


def test_assign_tells_arms_and_parameters(home):
    told = figures(home, "assign", "u1", "--where", "request.device=phone")
    expected = ("control", "long")[place("shop-page", "longer", "u1", 2)]
    assert [arm["arm"] for arm in told["arms"]] == [expected]
    assert told["parameters"]["banner"] == "none"
    assert figures(home, "assign", "u1")["arms"] == []
    assert figures(home, "assign", "tester", "--surface", "shop")["parameters"]["page_size"] == 30
    assert "overridden" in run(home, "assign", "tester").stdout


def test_what_is_asked_wrongly_is_said(home):
    with pytest.raises(NotFoundError, match="no surface 'plaza'"):
        figures(home, "assign", "u1", "--surface", "plaza")
    with pytest.raises(ConfigError, match="is not NAME=TEXT"):
        figures(home, "assign", "u1", "--where", "phone")
    with pytest.raises(ConfigError, match="is no time"):
        figures(home, "report", "--since", "yesterday")
    home.experiments.write_text(TEXT.replace("0-9998", "x"))
    with pytest.raises(DefinitionError, match="names no buckets"):
        figures(home, "show")
    home.experiments.unlink()
    with pytest.raises(NotFoundError, match=r"docs/guide/experiments\.md"):
        figures(home, "show")


def test_a_report_counts_what_the_logs_hold(home):
    users = 200
    write(home, users)
    (told,) = figures(home, "report")["experiments"]
    control, long = told["arms"]
    units = [place("shop-page", "longer", f"u{k}", 2) for k in range(users)]
    assert (control["units"], long["units"]) == (units.count(0), units.count(1))
    assert (control["shown"], control["clicked"]) == (10 * control["units"], control["units"])
    assert (long["shown"], long["clicked"]) == (10 * long["units"], 3 * long["units"])
    assert control["ctr"] == 0.1
    assert long["difference"] == pytest.approx(0.2)
    assert told["fair"]
    assert "control" in run(home, "report").stdout
    later = figures(home, "report", "--since", "2026-02-01")["experiments"][0]
    assert [arm["units"] for arm in later["arms"]] == [0, 0]
    assert later["sample_ratio_p"] is None


def test_a_report_without_a_serving_log_says_who_writes_one(home):
    with pytest.raises(NotFoundError, match="'searchrank serve' writes one"):
        figures(home, "report")


def write(home, users):
    """Log one answer of ten items a user; who is in ``long`` clicks three of them, the others one."""
    found = Experiments.parse(TEXT)
    feature_set = FeatureSet.load(home.features)
    log = ServingLogWriter(home.serving)
    clicked = []
    for k in range(users):
        clicks = 3 if place("shop-page", "longer", f"u{k}", 2) else 1
        clicked += [(f"r{k}", f"i{item}") for item in range(clicks)]
        arms = found.assign("shop", user_id=f"u{k}", attributes={"request.device": "phone"}).arms
        log.offer(answered(feature_set, f"r{k}", f"u{k}", arms))
    log.close()
    requests, items = (pa.array(column, pa.string()) for column in zip(*clicked, strict=True))
    table = pa.table({"event_id": [f"e{k}" for k in range(len(items))], "request_id": requests, "item_id": items})
    table = table.append_column("kind", pa.array(["click"] * len(items)))
    moment = pa.array([MOMENT] * len(items), pa.timestamp("us", "UTC"))
    with EventLog.open(home.events, writable=True) as events:
        events.append(table.append_column("event_time", moment))


def answered(feature_set, request, user, arms):
    """Return an answer with twelve candidates of which the first ten are returned."""
    return Answered(
        rpc="Search",
        surface="shop",
        request_id=request,
        user_id=user,
        session_id="",
        query="",
        request_time=MOMENT,
        answered_at=MOMENT,
        elapsed_us=1,
        release=("taste", 1, "ab"),
        feature_set=feature_set,
        snapshot_id="s",
        offset=0,
        arms=arms,
        context={},
        columns={},
        item_ids=pa.array([f"i{item}" for item in range(12)]),
        catalogue_ids=pa.array([], pa.string()),
        rows=np.arange(12),
        scores=np.zeros(12),
        order=np.arange(10),
        features_digest=None,
    )
