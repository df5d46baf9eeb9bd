"""How much of what people will like is among 100 candidates, by branch and by all of them together?

MovieLens, the protocol of the movies example: everybody's last fifth of ratings is held out, and of a person's held-out
movies of four stars and more the share that is among the candidates is averaged over people. Movies that they rated
before are no candidates. Every line is a surface of one workspace, asked as a server would ask it. ``--inner`` holds
out the last fifth of what is known instead. Depth and signs of weights were chosen with both tables in view.

``--learn`` learns the fusion of the union from one level further in, and compares it with reciprocal rank by person.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Final

import numpy as np
import yaml
from fusion_table import compare

from examples.movies.read import read_movielens
from examples.movies.split import held_out_of, split
from examples.movies.write import write_movies
from recall import FusionConfig, refresh_workspace
from recall.fusion.file import fusion_text
from searchrank.workspace import Workspace
from trainer.fusion.fitting import JudgedList, fit_fusion
from trainer.levels import HeldOut, Level

CANDIDATES: Final = 100
_DEPTH: Final = 300  # of each branch, for fusion to choose from
_LIKES: Final = {"events": ["like"], "recent": "user.recent_likes", "history": 2000, "quota": _DEPTH}
_EASE: Final = _LIKES | {"method": "ease", "penalty": 100.0, "neighbours": 200}
_POPULAR: Final = {"events": ["like"], "quota": CANDIDATES}
_RATED: Final = {
    "method": "ease",
    "events": ["rating"],
    "recent": "user.rated",
    "history": 3000,
    "penalty": 200.0,
    "neighbours": 200,
    "quota": _DEPTH,
}
_TAGS: Final = {"tags": {"item.genres": {"user.genre_likes": 1.0}}, "events": ["like"], "quota": CANDIDATES}
SURFACES: Final[dict[str, dict[str, dict[str, object]]]] = {
    "popular": {"popular": _POPULAR},
    "cosine": {"item_to_item": _LIKES | {"neighbours": 400}},
    "swing": {"item_to_item": _LIKES | {"method": "swing", "neighbours": 400}},
    "ease": {"item_to_item": _EASE},
    "ease_rated": {"session": _RATED},
    "ease_last_20": {"session": _RATED | {"history": 20}},
    "preference": {"preference": _TAGS},
    "both": {"item_to_item": _EASE, "session": _RATED},
    "union": {
        "item_to_item": _EASE,
        "session": _RATED,
        "preference": _TAGS | {"quota": 5},
        "popular": _POPULAR | {"quota": 5},
    },
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="MovieLens: ratings.csv, movies.csv, tags.csv")
    parser.add_argument("--inner", action="store_true", help="hold out the last fifth of what is known")
    parser.add_argument(
        "--learn", action="store_true", help="learn how the union is fused, without the people held out"
    )
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        workspace, held_out = prepare(Workspace(Path(root)), options.folder, levels=1 + options.inner)
        start = perf_counter()
        refresh_workspace(workspace)
        figures: dict[str, object] = {"users": len(held_out.users), "build_s": perf_counter() - start}
        print(f"{len(held_out.users)} people, all indexes in {figures['build_s']:.1f} s\n\n{'':14}recall@{CANDIDATES}")
        for name in SURFACES:
            recall = recall_at(Level.open(workspace, name, held_out), CANDIDATES)
            figures[name] = {f"recall@{CANDIDATES}": recall}
            print(f"{name:14}{recall:.4f}")
        if options.learn:
            fusion = learn(options.folder, options.inner)
            print(f"\n{fusion_text(fusion)}")
            figures["learned"] = compare(judged(Level.open(workspace, "union", held_out)), fusion, {}, CANDIDATES)
    if options.json:
        print(json.dumps(figures))


def prepare(workspace: Workspace, folder: Path, *, levels: int) -> tuple[Workspace, HeldOut]:
    """Write what is known after so many cuts, each of the last fifth, and a surface for every line of the table."""
    movies = read_movielens(folder)
    part = split(movies.ratings)
    for _ in range(levels - 1):
        part = split(part.train)
    write_movies(workspace, movies, part.train, part.known(movies.tags), lambda _what, _share: None)
    project = yaml.safe_load(workspace.project.read_text())
    surface = project["surfaces"]["movies"]
    project["surfaces"] = {name: surface | {"recall": recall} for name, recall in SURFACES.items()}
    workspace.project.write_text(yaml.safe_dump(project))
    return workspace, held_out_of(part)


def learn(folder: Path, inner: bool) -> FusionConfig:
    """Learn the fusion of the union one level further in, where nothing of what is judged is known."""
    with tempfile.TemporaryDirectory() as root:
        workspace, held_out = prepare(Workspace(Path(root)), folder, levels=2 + inner)
        refresh_workspace(workspace)
        return fit_fusion(judged(Level.open(workspace, "union", held_out))).fusion


def judged(level: Level) -> list[JudgedList]:
    """Return all candidates of everybody, and what they wanted."""
    pairs = zip(level.recalled(2 * _DEPTH + CANDIDATES), level.positives(), strict=True)
    return [JudgedList(found, dict.fromkeys(wanted.tolist(), 1)) for found, wanted in pairs]


def recall_at(level: Level, count: int) -> float:
    """Return the mean over people of the share of what they wanted that is among so many candidates."""
    lists = level.lists(count)
    found = np.add.reduceat(lists.samples.labels, np.cumsum([0, *lists.samples.sizes[:-1]]))
    found[lists.samples.sizes == 0] = 0.0
    return float(np.mean(found / [len(wanted) for wanted in lists.positives]))


if __name__ == "__main__":
    main()
