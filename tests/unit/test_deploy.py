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


def test_alerts_ask_for_metrics_and_labels_that_are_exported():
    exported = {}
    for one in vars(Metrics()).values():
        for family in one.describe() if hasattr(one, "describe") else ():
            labels = one.labels if isinstance(one, CounterVec | HistogramVec) else one._labelnames
            for suffix in {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(family.type, ("",)):
                exported[family.name + suffix] = {*labels, "le"}
    rules = [rule for group in read("alerts.yaml")["groups"] for rule in group["rules"]]
    asked = [metric for rule in rules for metric in re.findall(r"(searchrank_\w+)(?:\{(.*?)\})?", rule["expr"])]
    assert len(asked) >= len(rules)
    for name, labels in asked:
        assert set(re.findall(r"(\w+)[=!]", labels)) <= exported[name], name
    for rule in rules:
        grouped = re.findall(r"by \(([^)]*)\)", rule["expr"])
        names = set(re.findall(r"searchrank_\w+", rule["expr"]))
        known = set.union(set(), *(exported[name] for name in names))
        assert {label.strip() for part in grouped for label in part.split(",")} <= known, rule["alert"]
        assert rule["expr"].count("(") == rule["expr"].count(")")


def test_the_health_check_of_the_image_asks_a_worker_that_it_starts():
    (check,) = re.findall(r"CMD (\[\"searchrank\".+\])", CONTAINERFILE)
    words = yaml.safe_load(check)
    assert words[1:3] == ["health", "--target"]
    assert words[3].rpartition(":")[2] in shlex.join(
        yaml.safe_load(re.findall(r"^CMD (\[\"serve.+)$", CONTAINERFILE, re.MULTILINE)[0])
    )
