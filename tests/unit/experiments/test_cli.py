"""The verb: what it says of a file, a unit and a log, and with which code it ends."""

import json

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from predictor.experiment_cli import experiment
from searchrank.errors import ConfigError, DefinitionError, NotFoundError
from searchrank.events import EventLog
from searchrank.experiments import place
from searchrank.workspace import Workspace

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


def test_a_report_counts_what_the_log_holds(home):
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


def write(home, users):
    """Log one search a user with ten items; who is in ``long`` clicks three of them, the others one."""
    rows = []
    for k in range(users):
        clicks = 3 if place("shop-page", "longer", f"u{k}", 2) else 1
        rows.append(("search", f"r{k}", f"u{k}", None, "phone"))
        rows += [("impression", f"r{k}", f"u{k}", f"i{item}", None) for item in range(10)]
        rows += [("click", f"r{k}", f"u{k}", f"i{item}", None) for item in range(clicks)]
    kind, request, user, item, device = zip(*rows, strict=True)
    moment = pa.array([1_767_225_600_000_000] * len(rows), pa.timestamp("us", "UTC"))
    ids = [f"e{number}" for number in range(len(rows))]
    columns = {"event_id": ids, "kind": kind, "request_id": request, "user_id": user, "item_id": item}
    table = pa.table({name: pa.array(column, pa.string()) for name, column in columns.items()})
    table = table.append_column("event_time", moment).append_column("request.device", pa.array(device, pa.string()))
    with EventLog.open(home.events, writable=True) as log:
        log.append(table.append_column("surface", pa.array(["shop"] * len(rows))))
