"""Statistics made ready to be read: what a kernel needs to know about each, worked out once."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from searchrank.errors import DataError
from searchrank.features.history.series import Objects, Series
from searchrank.features.inputs import Input, Kind, Statistic, StatisticKind, cell
from searchrank.features.kernels import statistic as kernels
from searchrank.native import address, compiled

__all__ = ["Reading"]

_KERNELS: Final[dict[Kind, Callable[..., None]]] = {
    Kind.NUMBER: kernels.read_numbers,
    Kind.LIST: kernels.read_lists,
    Kind.MAP: kernels.read_maps,
}
_KINDS: Final = {
    StatisticKind.COUNT: kernels.COUNT,
    StatisticKind.SUM: kernels.SUM,
    StatisticKind.MEAN: kernels.MEAN,
    StatisticKind.RATE: kernels.RATE,
    StatisticKind.LAST: kernels.COUNT,
}


def _bits(value: float) -> int:
    return int(struct.unpack("<q", struct.pack("<d", value))[0])


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """One statistic over its series.

    Attributes:
        name: Name of the input.
        cell: Numpy type of its value.
        description: What the kernels read, int64 (SLOTS,); offset and stride are of the records bound to.
        series: Keeps alive what the description points at.
        kernel: Compiled reader of this kind of value.
    """

    name: str
    cell: np.dtype[Any]
    description: npt.NDArray[np.int64]
    series: Series
    kernel: Callable[..., None]

    @classmethod
    def of(cls, item: Input, statistic: Statistic, objects: Objects, series: Series) -> Reading:
        """Work out the description of a statistic."""
        d = np.zeros(kernels.SLOTS, np.int64)
        d[kernels.OBJECTS] = objects.count
        d[kernels.STARTS] = address(series.starts)
        d[kernels.TIMES] = address(series.times)
        d[kernels.EVIDENCE] = address(series.totals)
        d[kernels.KIND] = _KINDS[statistic.kind]
        d[kernels.WINDOW] = statistic.window_us
        d[kernels.REFRESH] = statistic.refresh_us
        d[kernels.PRIOR] = _bits(statistic.prior * statistic.strength)
        d[kernels.STRENGTH] = _bits(statistic.strength)
        d[kernels.MISSING] = _missing(item)
        d[kernels.LIMIT] = item.limit
        d[kernels.KEYS] = address(series.keys)
        d[kernels.PAIR_STARTS] = address(series.pair_starts)
        kind = cell(item.kind, size=item.size, limit=item.limit)
        return cls(item.name, kind, d, series, compiled(_KERNELS[item.kind]))

    def bind(self, layout: np.dtype[Any]) -> Callable[[int, int, int], None] | None:
        """Return a function of (n, address of questions, address of records) that fills this field of the records.

        Returns:
            None when the records have no such field.

        Raises:
            DataError: When the field has another form.
        """
        fields: Mapping[str, Any] = layout.fields or {}
        found = fields.get(self.name)
        if found is None:
            return None
        if found[0] != self.cell:
            raise DataError(f"records hold {found[0]}, the statistic gives {self.cell}", field=self.name)
        description = self.description.copy()
        description[kernels.OFFSET] = found[1]
        description[kernels.STRIDE] = layout.itemsize
        where, kernel, room = address(description), self.kernel, 3 * self.series.most_keys
        if self.kernel is not compiled(kernels.read_maps):
            return lambda n, questions, out, _kept=description: kernel(n, questions, where, out)  # type: ignore[misc]

        def read(n: int, questions: int, out: int, _kept: object = description) -> None:
            scratch = np.empty(room + 1, np.int64)
            kernel(n, questions, where, out, address(scratch))

        return read


def _missing(item: Input) -> int:
    if item.kind is Kind.NUMBER:
        return _bits(float(item.missing) if isinstance(item.missing, int | float) else float("nan"))
    return 0 if item.missing == () else -1
