"""A project file to start from."""

from __future__ import annotations

from trainer.importing.column import Conversion
from trainer.importing.seen import Seen, quoted_kind

__all__ = ["project_text"]


def project_text(seen: Seen, *, chosen: list[str], rising: list[str]) -> str:
    """Return the project file.

    Args:
        seen: What was imported.
        chosen: Features that a model may read.
        rising: Those of which more is never worse, and that need no logged list.
    """
    texts = seen.of_type(Conversion.TEXT)
    title = "item.title" if "item.title" in texts else (texts or ["item.title"])[0]
    kinds = ", ".join(quoted_kind(kind) for kind in seen.wanted)
    recall = []
    every = [name for name in ("item.all_text", "item.text") if name in texts][:1]
    if texts:
        searched = [n for n in texts if n in {title, *every} or n.endswith("_words")] if every else texts
        boosts = ", ".join(f"{name}: {2.0 if name == title else 1.0}" for name in searched)
        recall.append(f"      lexical: {{fields: {{{boosts}}}}}  # words of the query in these texts")
    if seen.kinds:
        recall += [
            f"      item_to_item: {{events: [{kinds}]}}  # what the same people chose as what this person chose",
            f"      popular: {{events: [{kinds}]}}  # what most people chose",
        ]
    lines = [
        "# Suggested from the imported data: a beginning, to be read and changed.",
        "surfaces:",
        "  search:  # one place where lists are shown",
        "    model: ranking",
        f"    title: {title}  # how the command line names an item",
        "    recall:  # which items are worth scoring",
        *recall,
        "",
        "models:",
        "  ranking:",
        *_model_lines(seen, chosen, rising),
    ]
    return "\n".join(lines) + "\n"


def _model_lines(seen: Seen, chosen: list[str], rising: list[str]) -> list[str]:
    """Return the entry of the model, by how it can be learnt."""
    if not seen.kinds:
        weights = {name: _weight(name) for name in chosen if _weight(name)}
        return [
            *_inputs(list(weights)),
            "    # There is nothing to learn from yet: the score is this weighted sum.",
            f"    weights: {{{', '.join(f'{name}: {weight:g}' for name, weight in weights.items())}}}",
        ]
    labels = ", ".join(f"{quoted_kind(kind)}: {grade}" for kind, grade in seen.wanted.items())
    labelled = f"    labels: {{{labels}}}  # how much each kind of event says that an item was wanted"
    if seen.shown:
        return [*_inputs(chosen), labelled, "    attribution: 30m  # how long after it was shown"]
    return [
        *_inputs(rising),
        labelled,
        "    # Nobody logged what was shown: learn from what each person chose last, held out of what is known.",
        "    samples: held_out",
        "    params:  # little data: small trees, and more of an input never makes an item worse",
        "      num_leaves: 3",
        "      num_iterations: 100",
        "      min_data_in_leaf: 100",
        f"      monotone_constraints: [{', '.join('1' for _ in rising)}]  # one an input",
    ]


def _inputs(names: list[str]) -> list[str]:
    return ["    inputs:", *(f"      - {name}" for name in names)]


def _weight(feature: str) -> float:
    """Return what a feature weighs where nothing is learnt."""
    if feature.endswith("_match"):
        return 1.0
    return {"found": 10.0, "distance_km": -0.1}.get(feature, 0.0)
