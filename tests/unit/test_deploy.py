"""The files of deploy/: they name what exists, and they fit each other."""

import re
import shlex
from pathlib import Path

import pytest
import typer.main
import yaml

from predictor.cli import serve
from predictor.counting import CounterVec, HistogramVec
from predictor.metrics import Metrics

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
CONTAINERFILE = (DEPLOY / "Containerfile").read_text(encoding="utf-8")


def read(name):
    return yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8"))


def options_of(verb) -> set[str]:
    app = typer.Typer()
    app.command()(verb)
    return {option for parameter in typer.main.get_command(app).params for option in parameter.opts}


def test_what_the_images_are_built_from_exists_and_is_let_in():
    sources = [
        name for line in re.findall(r"^COPY (?!--from)(.+)$", CONTAINERFILE, re.MULTILINE) for name in line.split()[:-1]
    ]
    let_in = (DEPLOY / "Containerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert sources
    for name in sources:
        assert (ROOT / name).exists()
        assert f"!{name}" in let_in


def test_every_stage_is_made_before_it_is_used():
    made: set[str] = set()
    for line in CONTAINERFILE.splitlines():
        if found := re.match(r"FROM (\S+) AS (\S+)", line):
            assert found[1] in made or "/" in found[1]
            made.add(found[2])
        elif found := re.match(r"COPY --from=(\S+)", line):
            assert found[1] in made
    services = read("compose.yaml")["services"].values()
    targets = {service["build"]["target"] for service in services if "build" in service}
    assert targets == {"predictor", "trainer"} <= made


def test_the_last_user_of_an_image_is_not_root():
    stages = dict(re.findall(r"^FROM \S+ AS (\S+)\n(.*?)(?=^FROM |\Z)", CONTAINERFILE, re.MULTILINE | re.DOTALL))
    for name in ("predictor", "trainer"):
        users = re.findall(r"^USER (\S+)", stages["runtime"] + stages[name], re.MULTILINE)
        assert users[-1] == "searchrank"


@pytest.mark.parametrize("where", ["image", "compose"])
def test_the_predictor_is_started_with_options_that_serve_has(where):
    words = re.findall(r"^CMD (\[\"serve.+)$", CONTAINERFILE, re.MULTILINE)[0]
    command = read("compose.yaml")["services"]["predictor"]["command"] if where == "compose" else yaml.safe_load(words)
    assert command[0] == "serve"
    asked = {word.partition("=")[0] for word in command if word.startswith("--")}
    assert asked <= options_of(serve)


def test_a_container_gets_longer_to_stop_than_its_workers_take():
    service = read("compose.yaml")["services"]["predictor"]
    given = dict(word[2:].split("=", 1) for word in service["command"] if "=" in word)
    assert int(service["stop_grace_period"].removesuffix("s")) > float(given["drain-seconds"]) + 8


def test_envoy_and_prometheus_know_every_worker():
    given = dict(word[2:].split("=", 1) for word in read("compose.yaml")["services"]["predictor"]["command"][1:])
    first, metrics, workers = (int(given[name]) for name in ("port", "metrics-port", "workers"))
    (cluster,) = read("envoy.yaml")["static_resources"]["clusters"]
    endpoints = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"]
    addresses = [part["endpoint"]["address"]["socket_address"] for part in endpoints]
    assert [(a["address"], a["port_value"]) for a in addresses] == [("predictor", first + k) for k in range(workers)]
    scraped = read("prometheus.yaml")["scrape_configs"][0]["static_configs"][0]["targets"]
    assert scraped == [f"predictor:{metrics + k}" for k in range(workers)]


def test_what_compose_mounts_and_waits_for_exists():
    compose = read("compose.yaml")
    for name, service in compose["services"].items():
        assert set(service.get("depends_on", ())) <= set(compose["services"]) - {name}
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert (DEPLOY / source).is_file() if source.startswith("./") else source in compose["volumes"]
        assert service.get("image") or service.get("build")
        assert all(isinstance(word, str) for word in service.get("command", ()))


FROM_PROMETHEUS = {"job", "instance", "le"}
FUNCTIONS = {"rate", "increase", "changes", "histogram_quantile", "vector", "scalar", "sum", "max", "count"}


@pytest.fixture(scope="module")
def exported():
    """The labels of every series that a worker exports, by its name."""
    metrics = Metrics()
    process = [one.name for family in metrics.registry.collect() for one in family.samples if "process_" in one.name]
    found = dict.fromkeys(["up", *process], FROM_PROMETHEUS)
    for one in vars(metrics).values():
        for family in one.describe() if hasattr(one, "describe") else ():
            labels = one.labels if isinstance(one, CounterVec | HistogramVec) else one._labelnames
            for suffix in {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(family.type, ("",)):
                found[family.name + suffix] = {*labels, *FROM_PROMETHEUS}
    return found


def expressions():
    """Every PromQL expression of deploy/, by where it stands."""
    for group in read("alerts.yaml")["groups"]:
        yield from ((rule["alert"], rule["expr"]) for rule in group["rules"])
    board = read("grafana/searchrank.json")
    for panel in board["panels"]:
        yield from ((panel["title"], target["expr"]) for target in panel.get("targets", ()))
    yield from ((one["name"], one["expr"]) for one in board["annotations"]["list"])


def check(expression, exported):
    """Find out whether an expression names only series, labels and functions that there are."""
    bare = re.sub(r'"[^"]*"', "", expression)
    for name, labels in re.findall(r"(\w+)\{(.*?)\}", bare):
        assert set(re.findall(r"(\w+)\s*[=!]", labels)) <= exported[name], name
    for name in re.findall(r"\b(?:rate|increase|changes)\((\w+)", bare):
        assert re.search(r"_(total|bucket|sum|count)$", name), name
    bare = re.sub(r"\{.*?\}|\[.*?\]", "", bare)
    grouped = {
        label.strip() for part in re.findall(r"\b(?:by|on|without) \(([^)]*)\)", bare) for label in part.split(",")
    }
    bare = re.sub(r"\b(?:by|on|without|group_left) \([^)]*\)", "", bare)
    words = set(re.findall(r"\b[a-z]\w*", bare)) - {"or"}
    assert words - FUNCTIONS <= set(exported), expression
    assert grouped - {""} <= set.union(*(exported[name] for name in words - FUNCTIONS)), expression
    assert ("histogram_quantile" in words) == ("le" in grouped), expression
    assert expression.count("(") == expression.count(")")


@pytest.mark.parametrize("expression", [pytest.param(words, id=where) for where, words in expressions()])
def test_alerts_and_dashboard_ask_for_series_and_labels_that_are_exported(expression, exported):
    check(expression, exported)


@pytest.mark.parametrize(
    "wrong",
    [
        "rate(searchrank_request_total[5m])",
        'sum(searchrank_live{version="3"})',
        "sum by (status) (rate(searchrank_degradations_total[5m]))",
        "histogram_quantile(0.99, sum by (stage) (rate(searchrank_stage_seconds_bucket[5m])))",
        "rate(searchrank_pressure[5m])",
        "median(searchrank_pressure)",
    ],
)
def test_an_expression_that_asks_for_something_else_is_found(wrong, exported):
    with pytest.raises((AssertionError, KeyError)):
        check(wrong, exported)


def test_the_dashboard_has_its_source_and_no_panel_lies_on_another():
    board = read("grafana/searchrank.json")
    (source,) = read("grafana/datasources.yaml")["datasources"]
    assert set(re.findall(r'"uid": "(\w+)"', (DEPLOY / "grafana/searchrank.json").read_text())) == {
        source["uid"],
        board["uid"],
    }
    assert source["url"] == "http://prometheus:9090"
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in board["panels"])
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    variables = {one["name"] for one in board["templating"]["list"]} | {"__rate_interval"}
    assert {name for _, words in expressions() for name in re.findall(r"\$(\w+)", words)} == variables


def test_the_health_check_of_the_image_asks_a_worker_that_it_starts():
    (check,) = re.findall(r"CMD (\[\"searchrank\".+\])", CONTAINERFILE)
    words = yaml.safe_load(check)
    assert words[1:3] == ["health", "--target"]
    assert words[3].rpartition(":")[2] in shlex.join(
        yaml.safe_load(re.findall(r"^CMD (\[\"serve.+)$", CONTAINERFILE, re.MULTILINE)[0])
    )
