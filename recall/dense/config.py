"""What a project writes under ``recall.dense``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveInt, model_validator
from typing_extensions import override

from recall.kind import BranchSection

__all__ = ["DenseConfig"]


class DenseConfig(BranchSection):
    """Items whose vectors are nearest to that of the query."""

    vectors: Annotated[str, Field(min_length=1)]
    """A vector input of the item (``item.embedding``), or a file in the workspace with a vector an item."""
    queries: str = ""
    """A file in the workspace with a vector a text: embeddings of queries made beforehand."""
    encoder: str = ""
    """A folder with a sentence encoder (``model.onnx``, ``tokenizer.json``)."""
    input: str = ""
    """A vector input of the request, the user or the query that is searched for if it is there."""
    made_by: str = ""
    """Fingerprint of what made the vectors, for files that do not say."""
    metric: Literal["cosine", "inner_product"] = "cosine"
    """What is near."""
    storage: Literal["f32", "f16", "i8"] = "f32"
    """How a number of a vector is kept."""
    effort: Annotated[int, Field(ge=1, le=10_000)] = 64
    """Least width of a search in the graph."""
    quota: PositiveInt = 100

    @model_validator(mode="after")
    def _finds_something(self) -> DenseConfig:
        if self.queries and self.encoder:
            raise ValueError("name queries or encoder, not both")
        if not (self.queries or self.encoder or self.input):
            raise ValueError("say where vectors of queries come from: queries, encoder or input")
        return self

    @property
    @override
    def recipe(self) -> dict[str, object]:
        """What of this changes the index."""
        return self.model_dump(exclude={"input", "effort", "quota"})

    @property
    @override
    def files(self) -> tuple[str, ...]:
        """The files that vectors and encoder may be read from."""
        named = [name for name in (self.vectors, self.queries) if name]
        named += [f"{name[:-4]}.ids" for name in named if name.endswith(".npy")]
        named += [f"{self.encoder}/{part}" for part in ("model.onnx", "tokenizer.json") if self.encoder]
        return tuple(named)

    @property
    @override
    def inputs(self) -> tuple[str, ...]:
        """The vector that may come with a request."""
        return (self.input,) if self.input else ()
