"""The verb ``fusion``: learn from judged queries how the lists of the branches become one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import track

from recall.branch import Query
from recall.collection.corpus import Corpus
from recall.collection.jsonl import read_lines
from recall.collection.run import retrieve_all
from recall.fusion.file import fusion_text
from recall.offline import of_project
from searchrank.cli import Home, Json, emit, workspace
from searchrank.errors import DataError
from trainer.extra import require_training
from trainer.fusion.judged import read_judged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recall.recaller import Recaller
    from trainer.fusion.fitting import Fitted, JudgedList

__all__ = ["fusion"]

_HOME = Path(".searchrank")

fusion = typer.Typer(
    add_completion=False, help="Learn how the lists of recall branches become one.", rich_markup_mode=None
)


@fusion.callback()
def _fusion() -> None:
    """Keep the verb a group."""


@fusion.command("fit")
def fit(  # noqa: PLR0913, PLR0917 - one parameter an option
    queries: Annotated[Path, typer.Option(help="JSON lines of _id and text.")],
    qrels: Annotated[Path, typer.Option(help="Which items answer which of them: lines of query, item and grade.")],
    to: Annotated[Path, typer.Option(help="File for the section, to stand under 'fusion' of a surface's recall.")],
    index: Annotated[Path | None, typer.Option(help="What 'index build --corpus' made, instead of a project.")] = None,
    surface: Annotated[str, typer.Option(help="Surface; may be left out when there is only one.")] = "",
    depth: Annotated[int, typer.Option(min=10, max=1_000, help="Candidates of each branch to learn from.")] = 150,
    home: Home = _HOME,
    json: Json = False,
) -> None:
    """Learn the weights of fusion from judged queries and write them as a section of the project."""
    require_training()
    from trainer.fusion.fitting import fit_fusion  # noqa: PLC0415 - the command line starts quickly

    if index is None:
        recaller, ids, *_ = of_project(workspace(home), surface)
    else:
        corpus = Corpus.open(index)
        recaller, ids = corpus.recaller, corpus.ids
    lists = _lists(recaller, ids, (queries, qrels), depth)
    fitted = fit_fusion(lists, recaller.fusion.k)
    beside = to.with_name(f".{to.name}.writing")
    beside.write_text(_head(fitted, len(lists)) + fusion_text(fitted.fusion))
    beside.replace(to)
    _show(fitted, len(lists), to, json=json)


def _lists(recaller: Recaller, ids: Sequence[str], files: tuple[Path, Path], depth: int) -> list[JudgedList]:
    """Ask every judged query of all branches.

    Raises:
        DataError: When none of the queries is judged.
    """
    from trainer.fusion.fitting import JudgedList  # noqa: PLC0415 - the command line starts quickly

    queries, qrels = files
    judged = read_judged(qrels, {str(name): row for row, name in enumerate(ids)})
    texts = {line.id: line.text for line in read_lines(queries)}
    known = [(texts[name], grades) for name, grades in judged.items() if name in texts]
    if not known:
        raise DataError(f"{qrels} judges none of the queries of {queries}")
    shown = track(known, "asking", console=Console(stderr=True), transient=True)
    return [JudgedList(retrieve_all(recaller, Query(text=text), depth).recalled, grades) for text, grades in shown]


def _head(fitted: Fitted, queries: int) -> str:
    return (
        f"# Learnt from {queries} queries. On queries it was not learnt from (cross-validation): NDCG@10 "
        f"{fitted.ours.mean():.4f}, reciprocal rank {fitted.theirs.mean():.4f}.\n"
    )


def _show(fitted: Fitted, queries: int, to: Path, *, json: bool) -> None:
    from trainer.evaluation.significance import difference  # noqa: PLC0415 - the command line starts quickly

    apart = difference(fitted.ours, fitted.theirs)
    Console(stderr=json).print(
        f"{queries:,} queries; NDCG@10 in cross-validation {fitted.ours.mean():.4f}, by reciprocal rank "
        f"{fitted.theirs.mean():.4f} (difference {apart.mean:+.4f}, 95 % {apart.low:+.4f} to {apart.high:+.4f}, "
        f"p {apart.p:.2g})\nWritten to {to}: put it under 'fusion' of the surface's recall, or try it with "
        "'searchrank recall --fusion'",
        highlight=False,
    )
    if json:
        emit(
            {
                "queries": queries,
                "ndcg@10": float(fitted.ours.mean()),
                "rrf_ndcg@10": float(fitted.theirs.mean()),
                "p_value": apart.p,
                "ridge": fitted.ridge,
                "fusion": fitted.fusion.model_dump(exclude_defaults=True),
                "to": str(to),
            }
        )
