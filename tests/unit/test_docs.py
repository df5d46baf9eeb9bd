from __future__ import annotations

import doctest
import importlib
import importlib.metadata
import inspect
import re
from pathlib import Path
from types import ModuleType

import pytest
import yaml

import docs.generate
from recall import recall_configs
from searchrank.errors import DefinitionError
from searchrank.experiments import Experiments
from searchrank.features import FeatureSet, ModelInput
from searchrank.project import Project
from trainer.importing import FileMapping, Kind

ROOT = Path(docs.generate.__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")])
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
PACKAGES = (
    "examples.city",
    "examples.movies",
    "predictor",
    "recall",
    "searchrank",
    "searchrank.events",
    "searchrank.experiments",
    "searchrank.features",
    "searchrank.features.history",
    "searchrank.models",
    "searchrank.native",
    "searchrank.serving_log",
    "trainer",
    "trainer.evaluation",
    "trainer.importing",
    "trainer.levels",
)

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))


def blocks(page: Path, language: str) -> list[str]:
    return [text for kind, text in FENCE.findall(page.read_text(encoding="utf-8")) if kind == language]


def mappings(page: Path) -> list[tuple[str, set[str]]]:
    return [(text, set(yaml.safe_load(text))) for text in blocks(page, "yaml")]


def anchors(page: Path) -> set[str]:
    titles = HEADING.findall(FENCE.sub("", page.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


# --- pages


@every_page
def test_every_relative_link_leads_somewhere(page: Path):
    for target in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        found = (page.parent / name).resolve() if name else page
        assert found.exists(), f"{page.name}: {target}"
        assert not anchor or anchor in anchors(found), f"{page.name}: {target}"


@every_page
def test_every_feature_file_shown_is_one(page: Path):
    for text, parts in mappings(page):
        if parts <= set(Kind):
            FileMapping.parse(text)
            continue
        assert parts <= {"inputs", "features"} or parts <= {"surfaces", "models", "tracing"}, f"{page.name}: {parts}"
        if page.name == "experiments.md":
            Experiments.parse(text)
        elif "inputs" in parts:
            FeatureSet.parse(text)
        else:
            recall_configs(Project.parse(text))


def test_every_model_input_shown_with_its_features_is_one():
    for page in (ROOT / "README.md", ROOT / "docs/guide/features.md"):
        features = next(FeatureSet.parse(text) for text, parts in mappings(page) if "inputs" in parts)
        for text, parts in mappings(page):
            for model in Project.parse(text).models.values() if "models" in parts else ():
                assert [ModelInput.parse(words, features) for words in model.inputs]


@every_page
def test_every_python_snippet_compiles(page: Path):
    for number, code in enumerate(blocks(page, "python")):
        if not code.startswith("@"):
            compile(code, f"{page.name} snippet {number}", "exec")


@pytest.mark.parametrize("name", ["features", "events", "releases"])
def test_the_snippets_of_the_guide_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    page = ROOT / "docs" / "guide" / f"{name}.md"
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop").mkdir()
    for text, parts in mappings(page):
        if "inputs" in parts:
            (tmp_path / "shop" / "features.yaml").write_text(text, encoding="utf-8")
    snippets = blocks(page, "python")
    assert snippets
    for code in snippets:
        exec(compile(code, page.name, "exec"), {})  # noqa: S102 - our own pages


def test_the_misspelt_name_of_the_guide_gets_its_message():
    text = "inputs:\n  item.clicks: {type: float}\nfeatures:\n  clicks_log:      log1p(item.clicsk)\n"
    with pytest.raises(DefinitionError) as caught:
        FeatureSet.parse(text)
    told = "\n".join(blocks(ROOT / "docs/guide/features.md", "text"))
    message = str(caught.value).replace("features.yaml:4:", "features.yaml:72:")
    assert message in told.replace("searchrank: ", "")


def test_the_readme_names_every_verb():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    verbs = {entry.name for entry in importlib.metadata.entry_points(group="searchrank.verbs")}
    assert verbs
    assert [verb for verb in verbs if f"| `searchrank {verb}` |" not in text] == []


def test_the_tree_of_the_readme_exists():
    tree = next(text for text in blocks(ROOT / "README.md", "text") if text.startswith("searchrank/"))
    folders: list[str] = []
    for line in tree.splitlines():
        name, depth = line.split()[0], (len(line) - len(line.lstrip())) // 4
        folders = [*folders[:depth], name]
        assert (ROOT / "".join(folders)).exists(), line


def test_contributing_names_the_targets_of_the_makefile():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert phony is not None
    assert [target for target in phony[1].split() if f"make {target}" not in text] == []
    assert set(re.findall(r"`make (\w+)`", text)) == set(phony[1].split())


def test_every_decision_is_listed_in_order():
    names = sorted(path.name for path in (ROOT / "docs" / "adr").glob("0*.md"))
    listed = re.findall(r"\((0[\w-]+\.md)\)", (ROOT / "docs" / "adr" / "README.md").read_text(encoding="utf-8"))
    assert listed == names
    for name in names:
        sections = HEADING.findall((ROOT / "docs" / "adr" / name).read_text(encoding="utf-8"))
        assert sections[1:] == ["Context", "Decision", "Consequences"], name


def test_every_guide_is_reached_from_the_readme():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    guides = [path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("[gr]*/*.md")]
    assert [path for path in guides if f"({path})" not in text] == []


def test_the_generated_reference_is_up_to_date():
    for path, text in docs.generate.pages().items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name}: run 'python -m docs.generate'"


# --- what the code says about itself


def public(module: ModuleType) -> set[str]:
    """Names that are neither private nor modules nor of another distribution."""
    own = {package.partition(".")[0] for package in PACKAGES}
    return {
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and not inspect.ismodule(value)
        and str(getattr(value, "__module__", module.__name__)).partition(".")[0] in own
        and name not in {"TYPE_CHECKING", "annotations"}
    }


def menu(name: str) -> tuple[int, str]:
    """Constants, then classes, then functions: the order that the linter keeps too."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2), name


@pytest.mark.parametrize("package", PACKAGES)
def test_the_menu_of_a_package_is_complete_and_sorted(package: str):
    module = importlib.import_module(package)
    listed = list(module.__all__)
    assert listed == sorted(set(listed), key=menu)
    assert [name for name in listed if not hasattr(module, name)] == []
    assert sorted(public(module) - set(listed)) == []


def modules_with_examples() -> list[str]:
    own = sorted({package.partition(".")[0] for package in PACKAGES})
    paths = [path for folder in own for path in sorted((ROOT / folder).rglob("*.py"))]
    found = [path.relative_to(ROOT).with_suffix("") for path in paths if ">>> " in path.read_text(encoding="utf-8")]
    return [".".join(path.parts).removesuffix(".__init__") for path in found]


def test_there_are_examples_in_docstrings():
    assert len(modules_with_examples()) >= 5


@pytest.mark.parametrize("name", modules_with_examples())
def test_the_examples_in_docstrings_hold(name: str):
    assert not doctest.testmod(importlib.import_module(name)).failed
