"""The networks themselves: columns in, a score a row out; every part can be written as ONNX."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor, nn
from typing_extensions import override

from trainer.neural.reading import LIMIT, ColumnReading

if TYPE_CHECKING:
    from trainer.neural.settings import NetworkSettings

__all__ = ["DCN", "Cross", "Dice", "Network", "Reader"]

DCN: Final = "dcn_v2"
_SPREAD: Final = 0.05  # of embeddings, at first


class Reader(nn.Module):
    """Makes of raw columns what the first layer reads; see ``ColumnReading``."""

    def __init__(self, reading: ColumnReading, embedding_size: int) -> None:
        """Take what is known of the columns; embeddings begin small, those of unknown categories at 0."""
        super().__init__()
        self.reading = reading
        for name in ("numbers", "means", "scales", "gaps", "codes", "sizes", "offsets"):
            self.register_buffer(f"_{name}", torch.from_numpy(getattr(reading, name)), persistent=False)
        rows = int((reading.sizes + 1).sum())
        self.table = nn.Parameter(torch.randn(rows, embedding_size) * _SPREAD)
        with torch.no_grad():
            self.table[torch.from_numpy(reading.offsets + reading.sizes)] = 0.0

    @override
    def forward(self, columns: Tensor) -> Tensor:
        """Read rows (n, f); return (n, ``reading.features``)."""
        raw = columns[:, self.get_buffer("_numbers")]
        missing = torch.isnan(raw)
        scaled = ((raw - self.get_buffer("_means")) * self.get_buffer("_scales")).clamp(-LIMIT, LIMIT)
        known = torch.where(missing, 0.0, torch.nan_to_num(scaled))
        parts = [known, missing[:, self.get_buffer("_gaps")].float()]
        if len(self.reading.codes):
            codes, sizes = columns[:, self.get_buffer("_codes")], self.get_buffer("_sizes")
            seen = (codes >= 0) & (codes < sizes)
            rows = torch.where(seen, codes, sizes.float()).long() + self.get_buffer("_offsets")
            parts.append(self.table[rows].flatten(1))
        return torch.cat(parts, 1)


class Dice(nn.Module):
    """An activation that bends where its own inputs lie (Zhou et al., KDD 2018)."""

    def __init__(self, width: int) -> None:
        """Take the number of units."""
        super().__init__()
        self.norm = nn.BatchNorm1d(width, affine=False)
        self.slope = nn.Parameter(torch.full((width,), 0.25))

    @override
    def forward(self, values: Tensor) -> Tensor:
        """Return activations of the same shape (n, width)."""
        share = torch.sigmoid(self.norm(values))
        return values * (share + (1 - share) * self.slope)


class Cross(nn.Module):
    """One cross layer of DCN-v2: ``x0 * (W x + b) + x``."""

    def __init__(self, width: int) -> None:
        """Take the number of features."""
        super().__init__()
        self.linear = nn.Linear(width, width)

    @override
    def forward(self, first: Tensor, values: Tensor) -> Tensor:
        """Cross features with the first ones, both (n, width)."""
        crossed: Tensor = first * self.linear(values) + values
        return crossed


class Network(nn.Module):
    """A deep part and, for DCN-v2, cross layers beside it; both give one score."""

    def __init__(self, kind: str, reading: ColumnReading, settings: NetworkSettings) -> None:
        """Make a network of untrained layers."""
        super().__init__()
        self.reader = Reader(reading, settings.embedding_size)
        width = inputs = reading.features(settings.embedding_size)
        deep: list[nn.Module] = []
        for units in settings.hidden:
            deep += [nn.Linear(width, units), _activation(settings.activation, units), nn.Dropout(settings.dropout)]
            width = units
        self.deep = nn.Sequential(*deep)
        self.cross = nn.ModuleList(Cross(inputs) for _ in range(settings.cross_layers if kind == DCN else 0))
        self.last = nn.Linear(width + (inputs if kind == DCN else 0), 1)

    @override
    def forward(self, columns: Tensor) -> Tensor:
        """Score rows (n, f); return (n,)."""
        first = self.reader(columns)
        parts = [self.deep(first)]
        if len(self.cross):
            crossed = first
            for layer in self.cross:
                crossed = layer(first, crossed)
            parts.append(crossed)
        scores: Tensor = self.last(torch.cat(parts, 1)).squeeze(1)
        return scores


def _activation(name: str, width: int) -> nn.Module:
    """Return an activation of so many units."""
    if name == "dice":
        return Dice(width)
    if name == "prelu":
        return nn.PReLU(width)
    plain: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "gelu": nn.GELU, "silu": nn.SiLU}
    return plain[name]()
