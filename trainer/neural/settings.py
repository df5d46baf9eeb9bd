"""What a recipe may say of a network, and what holds when it does not."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, NonNegativeInt, PositiveInt, ValidationError

from searchrank.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Activation", "NetworkSettings", "settings_of"]

Activation = Literal["relu", "gelu", "silu", "dice", "prelu"]
_Width = Annotated[int, Field(ge=1, le=4_096)]


class NetworkSettings(BaseModel):
    """Parameters of a network; ``params:`` of a model of its kind.

    Attributes:
        hidden: Units of each layer of the deep part.
        activation: What stands between layers; ``dice`` is that of Zhou et al. (KDD 2018), without a scale of its own.
        cross_layers: Cross layers of DCN-v2 (Wang et al., WWW 2021); other kinds have none.
        embedding_size: Numbers that a category becomes.
        dropout: Share of hidden units left out while learning.
        learning_rate: Of AdamW.
        weight_decay: Of AdamW, decoupled (Loshchilov and Hutter, ICLR 2019); biases and embeddings do not decay.
        epochs: Most passes over the training part.
        patience: Passes without a smaller loss on the part that stops training, after which it stops; 0: never.
        batch_lists: Lists a step.
        seed: Another network of the same make.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    hidden: tuple[_Width, ...] = Field(default=(64, 32), min_length=1, max_length=8)
    activation: Activation = "relu"
    cross_layers: int = Field(default=2, ge=1, le=8)
    embedding_size: int = Field(default=8, ge=1, le=256)
    dropout: FiniteFloat = Field(default=0.0, ge=0, lt=1)
    learning_rate: FiniteFloat = Field(default=1e-3, gt=0, le=1)
    weight_decay: FiniteFloat = Field(default=1e-2, ge=0, le=10)
    epochs: PositiveInt = 30
    patience: NonNegativeInt = 5
    batch_lists: PositiveInt = 64
    seed: NonNegativeInt = 0


def settings_of(params: Mapping[str, object]) -> NetworkSettings:
    """Read the parameters of a network.

    Raises:
        ConfigError: When a name is unknown or a value out of range.
    """
    for name in params:
        if name not in NetworkSettings.model_fields:
            near = get_close_matches(name, NetworkSettings.model_fields, 1) or sorted(NetworkSettings.model_fields)
            raise ConfigError(f"a network has no parameter {name!r}; did you mean: {', '.join(near)}", field="params")
    try:
        return NetworkSettings.model_validate(dict(params))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in ("params", *first["loc"]))
        raise ConfigError(f"a network's parameters: {first['msg']}", field=place) from None
