"""MovieLens' demo: split, index, settle on the inner split, train, judge once, serve, recommend."""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from examples.demo.answer import Answer, look_up, show_answer
from examples.demo.phrases import MOVIES
from examples.demo.stages import Begin, compile_kernels, stage
from examples.movies import LIKED, SURFACE, make_level, split
from predictor import Query
from recall.indexes.documents import read_table
from searchrank.models import Manifest, write_release
from searchrank.project import Project
from searchrank.workspace import Workspace
from trainer import Registry, Terms, promote
from trainer.console import say, show, table
from trainer.evaluation.measuring import Contender
from trainer.levels import ReleaseFacts, columns_of, fit_levels, judge, ranked, release_draft
from trainer.registry import Run

if TYPE_CHECKING:
    from examples.movies import Movies
    from trainer.evaluation import Evaluation
    from trainer.levels import Fitted, Level, Lists

__all__ = ["MoviesDemo"]

_MODEL: Final = "movies"
_DATA: Final = "MovieLens, known parts of every user's ratings"
_STATISTIC: Final = "item.likes"
_INNER: Final = 2
_SHOWN: Final = 10
_LISTED: Final = 100
_TYPICAL_LIKES: Final = 40
_NAMED: Final = 3


class MoviesDemo:
    """The published data, by the protocol: everybody's last fifth is held out, and judged by once."""

    book = MOVIES

    def __init__(self, movies: Movies) -> None:
        self._movies = movies
        self._split = split(movies.ratings)

    def learn(self, workspace: Workspace, *, on_stderr: bool) -> dict[str, Any]:
        """Fill the workspace with the known part up to a live release, show how good it is, and return the figures.

        Raises:
            SearchRankError: When the data are too few to learn from, or another program holds a file.
        """
        with ThreadPoolExecutor(1) as beside:
            opening = beside.submit(Registry.open, workspace.tracking_uri)
            with stage("movies: catalogue, events, statistics, neighbours") as begin:
                compile_kernels(begin)
                begin("indexing what is known")
                level = make_level(workspace, self._movies, self._split)
            with stage("training on inner splits") as begin:
                fitted = self._fit(workspace, begin)
            with stage("evaluation") as begin:
                begin("judging by the held-out likes")
                lists = level.lists(level.surface.candidates)
                judged = _judge(level, lists, fitted)
            with stage("release, registration, promotion") as begin:
                begin("writing the release")
                metrics = judged.metrics["model"]
                facts = ReleaseFacts(items=read_table(workspace.items, "items"), data=_DATA, metrics=metrics)
                draft = release_draft(_MODEL, fitted, level, lists, facts)
                folder = write_release(workspace.releases, draft)
                begin("registering")
                _register(workspace, opening.result(), folder, fitted)
        _show(judged, folder, on_stderr=on_stderr)
        return _figures(judged) | {"trees": fitted.model.trees, "release": str(folder)}

    def _fit(self, workspace: Workspace, begin: Begin) -> Fitted:
        """Cut the known part twice more and learn from what each cut holds out."""
        spec = Project.load(workspace).models[_MODEL]
        with ExitStack() as stack:
            levels, part = [], self._split
            for number in range(1, _INNER + 1):
                part = split(part.train)
                begin(f"indexing inner split {number}")
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix=".demo-", dir=workspace.root))
                levels.append(make_level(Workspace(Path(folder)), self._movies, part))
            return fit_levels(spec, levels, begin)

    def questions(self, workspace: Workspace) -> list[Query]:
        """Return the wish of somebody with an ordinary number of likes for something to see."""
        del workspace
        known = self._split.train.user[self._split.train.stars >= LIKED]
        likes = np.searchsorted(np.sort(known), [self._split.users, self._split.users + 1])
        user = self._split.users[np.argmin(np.abs(likes[1] - likes[0] - _TYPICAL_LIKES))]
        return [Query(surface=SURFACE, user_id=str(user), limit=_SHOWN)]

    def show(self, workspace: Workspace, query: Query, answer: Answer, *, on_stderr: bool) -> None:
        """Print the recommended movies."""
        known = self._split.train
        mine = known.take((known.user == int(query.user_id)) & (known.stars >= LIKED))
        latest = [str(movie) for movie in mine.movie[np.argsort(-mine.time, kind="stable")][:_NAMED].tolist()]
        liked = ", ".join(str(title) for (title,) in look_up(workspace, latest, ("item.title",)))
        facts = look_up(workspace, answer.ids, ("item.title", "item.year", "item.genres"))
        cells = {
            "movie": [str(title) for title, _, _ in facts],
            "year": ["-" if year is None else f"{year:.0f}" for _, year, _ in facts],
            "genres": [", ".join(genres[:2]) if isinstance(genres, list) else "-" for _, _, genres in facts],
        }
        title = f"for user {query.user_id}, who liked {len(mine)} movies, lately {liked}"
        show_answer(title, answer, cells, on_stderr=on_stderr)

    def next_steps(self, home: str, query: Query) -> list[tuple[str, str]]:
        """Return commands to go on with, and what each does."""
        return [
            ("ask for somebody else", f"searchrank search --user 1 --surface {SURFACE} --home {home}"),
            ("find a title", f"searchrank search 'toy story' --user {query.user_id} --surface titles --home {home}"),
            ("see what recall found", f"searchrank recall --user {query.user_id} --surface {SURFACE} --home {home}"),
        ]


def _judge(level: Level, lists: Lists, fitted: Fitted) -> Evaluation:
    """Rank what recall found and compare with what anybody could do without training."""
    samples, rows = lists.samples, lists.rows
    scores = Contender.learnt(fitted.plan, fitted.model).scorer.score(columns_of(level, lists, fitted.plan))
    similar = samples.impressions.column("recall.item_to_item_score").to_numpy()
    rankings = {
        "model": ranked(rows, scores, samples.sizes),
        "popularity": level.most_popular(_STATISTIC, _LISTED),
        "item-to-item": ranked(rows, np.where(np.isnan(similar), -np.inf, similar), samples.sizes),
    }
    return judge(rankings, lists.positives)


def _register(workspace: Workspace, registry: Registry, folder: Path, fitted: Fitted) -> None:
    """Log the run, register the release and make it live."""
    manifest = Manifest.read(folder)
    run = Run(_MODEL, fitted.model.parameters, manifest.metrics, {"release": str(folder), "digest": manifest.digest})
    identity = registry.record(run)
    registry.register(_MODEL, folder, digest=manifest.digest, release=str(manifest.version), run=identity)
    promote(workspace, folder, workspace.tracking_uri, Terms(registry=registry))


def _show(judged: Evaluation, folder: Path, *, on_stderr: bool) -> None:
    """Print how the trained ranking compares."""
    say(f"\n{judged.requests} users with a like among their held-out ratings, all unrated movies", on_stderr=on_stderr)
    names = list(judged.metrics["model"])
    rows: list[list[str | float]] = [[name, *values.values()] for name, values in judged.metrics.items()]
    show(table("", ["ranking", *names], rows), on_stderr=on_stderr)
    for name, difference in judged.differences.items():
        low, high = difference.low, difference.high
        say(f"NDCG@10 {difference.mean:+.4f} over {name} (95 %: {low:+.4f} to {high:+.4f})", on_stderr=on_stderr)
    manifest = Manifest.read(folder)
    say(f"{manifest.name} version {manifest.version} ({manifest.digest[:12]}) is live", on_stderr=on_stderr)


def _figures(judged: Evaluation) -> dict[str, Any]:
    """Return the figures under the names that machines read."""
    others = {name.replace("-", "_"): values for name, values in judged.metrics.items() if name != "model"}
    figures: dict[str, Any] = dict(judged.metrics["model"])
    for name, values in others.items():
        figures |= {f"{name}_{measure_name}": value for measure_name, value in values.items()}
    interval = {name.replace("-", "_"): [d.low, d.high] for name, d in judged.differences.items()}
    return figures | {"users": judged.requests, "interval": interval}
