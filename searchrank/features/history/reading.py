"""Statistics made ready to be read: what a kernel needs to know about each, worked out once."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from searchrank.errors import DataError
from searchrank.features.history.series import SeriesKey
from searchrank.features.inputs import Input, Kind, Statistic, StatisticKind, cell
from searchrank.features.kernels import statistic as kernels
from searchrank.native import address, compiled

__all__ = ["Read", "Reading"]

Read = Callable[[int, int, int, int], None]

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
        kind: What its value is: a number, a list or a map.
        cell: Numpy type of its value.
        description: What the kernels read, int64 (SLOTS,); offset and stride are of the records bound to.
    """

    name: str
    kind: Kind
    cell: np.dtype[Any]
    description: npt.NDArray[np.int64]

    @classmethod
    def of(cls, item: Input, statistic: Statistic, number: int) -> Reading:
        """Work out the description of a statistic over the series of this number."""
        d = np.zeros(kernels.SLOTS, np.int64)
        d[kernels.SERIES] = number
        d[kernels.TOTALS] = SeriesKey.of(item, statistic).kept
        d[kernels.KIND] = _KINDS[statistic.kind]
        d[kernels.WINDOW] = statistic.window_us
        d[kernels.REFRESH] = statistic.refresh_us
        d[kernels.PRIOR] = _bits(statistic.prior * statistic.strength)
        d[kernels.STRENGTH] = _bits(statistic.strength)
        d[kernels.MISSING] = _missing(item)
        d[kernels.LIMIT] = item.limit
        return cls(item.name, item.kind, cell(item.kind, size=item.size, limit=item.limit), d)

    def bind(self, layout: np.dtype[Any]) -> Read | None:
        """Return a function that fills this field of records.

        It takes n, the address of the questions, the most traces that an object has, the address of the records.

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
        return {Kind.NUMBER: _numbers, Kind.LIST: _lists, Kind.MAP: _maps}[self.kind](description)


def _numbers(description: npt.NDArray[np.int64]) -> Read:
    kernel, where = compiled(kernels.read_numbers), address(description)

    def read(n: int, questions: int, _longest: int, out: int, _kept: object = description) -> None:
        kernel(n, questions, where, out)

    return read


def _lists(description: npt.NDArray[np.int64]) -> Read:
    kernel, where = compiled(kernels.read_lists), address(description)

    def read(n: int, questions: int, longest: int, out: int, _kept: object = description) -> None:
        cursors = np.empty(kernels.CURSOR * longest + 1, np.int64)
        kernel(n, questions, where, out, address(cursors))

    return read


def _maps(description: npt.NDArray[np.int64]) -> Read:
    kernel, measure, where = compiled(kernels.read_maps), compiled(kernels.count_keys), address(description)

    def read(n: int, questions: int, longest: int, out: int, _kept: object = description) -> None:
        most = np.empty(1, np.int64)
        measure(n, questions, where, address(most))
        scratch = np.empty(1 + kernels.CURSOR * longest + kernels.ENTRY * int(most[0]), np.int64)
        scratch[0] = longest
        kernel(n, questions, where, out, address(scratch))

    return read


def _missing(item: Input) -> int:
    if item.kind is Kind.NUMBER:
        return _bits(float(item.missing) if isinstance(item.missing, int | float) else float("nan"))
    return 0 if item.missing == () else -1
