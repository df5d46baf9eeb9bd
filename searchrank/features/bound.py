"""A program bound to kernels: worked out once for all evaluators of a plan, and run in memory of an evaluator's own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from searchrank.features.inputs import Kind
from searchrank.features.kernels import driver
from searchrank.features.node import Call, Constant
from searchrank.features.operator import ROW_SLOTS, SIZE_SLOT, Operator
from searchrank.features.plan import Base, Cell, Instruction, Program
from searchrank.features.text import hash_text
from searchrank.native import address, library
from searchrank.native.memory import bits_of

__all__ = ["BLOCK", "Bound"]

BLOCK: Final = 1_024

Numbers = npt.NDArray[np.int64]
Find = Callable[[Operator], int]

_OWN_ROWS: Final = np.arange(BLOCK, dtype=np.int64)
_COLUMN_BYTES: Final = BLOCK * 8


class Bound:
    """A program's table with the addresses of kernels and of an arena of its own; belongs to one thread."""

    def __init__(self, program: Program, find: Find | None = None, names: tuple[str, ...] | None = None) -> None:
        """Bind a program.

        Args:
            program: What to run.
            find: Gives the machine address of an operator; None: the compiled kernel's.
            names: What the outputs are called in records; None: they fill a matrix, or the program's own exports.
        """
        form = _form(program, find, names)
        self.program = program
        self.layout = form.layout
        self._form = form  # keeps what the table points to
        self._arena = np.zeros((program.columns, BLOCK), np.int64)
        self._table = form.table.copy()
        self._table.reshape(-1)[form.columns] += address(self._arena)
        self._bases = np.zeros(64, np.int64)
        self._call = library().callable(driver.run)
        self._table_parts = (address(self._table), len(self._table))
        self._patch_parts = (address(form.patches), len(form.patches), address(self._bases))

    def run(self, n: int, row_bytes: int, addresses: tuple[int, ...]) -> None:
        """Run over ``n`` rows; ``addresses`` in the order of ``Base``."""
        self._bases[: len(addresses)] = addresses
        self._call(*self._table_parts, *self._patch_parts, row_bytes, n, BLOCK)


class _Form:
    """A program's table with kernel addresses, its arena columns counted from 0, and the patches each call makes.

    Attributes:
        layout: Record type of the outputs; None when they form a matrix.
        table: ``(rows, ROW_SLOTS)``.
        columns: Places in the table, as one row of numbers, that hold where a column lies in the arena.
        patches: ``(patches, PATCH_SLOTS)``.
    """

    def __init__(self, program: Program, find: Find | None, names: tuple[str, ...] | None) -> None:
        self.layout = program.layout
        if names is not None:
            formats = ["<f4" if kind is Kind.NUMBER else "<i8" for kind in program.kinds]
            self.layout = np.dtype([("_pad", "<i8"), *zip(names, formats, strict=True)], align=True)
        self._library = library()
        self._find = find or (lambda operator: self._library.address(operator.function))
        self._kept: list[npt.NDArray[Any]] = []
        self._patches: list[tuple[int, int, int, int, int]] = []
        self._columns: list[int] = []
        emits = list(self._emits(program, names or _export_names(program)))
        count = len(program.instructions)
        self._rows = [[0] * ROW_SLOTS for _ in range(count + len(emits))]
        for number, instruction in enumerate(program.instructions):
            self._bind(number, instruction)
        for number, (kernel, patch, source, stride) in enumerate(emits, start=count):
            self._rows[number][:4] = (kernel, 0, 0, stride)
            self._place(number, 2, source)
            self._patches.append((number * ROW_SLOTS + 1, *patch))
        self.table = np.array(self._rows, np.int64).reshape(-1, ROW_SLOTS)
        self.columns = np.array(self._columns, np.int64)
        self.patches = np.array(self._patches, np.int64).reshape(-1, driver.PATCH_SLOTS)

    def _emits(
        self, program: Program, names: tuple[str, ...]
    ) -> Iterable[tuple[int, tuple[int, int, int, int], int, int]]:
        """Yield (kernel, patch of the target, arena column, stride) of each output."""
        kernel_at = self._library.address
        for place, (out, kind) in enumerate(zip(program.outputs, program.kinds, strict=True)):
            if self.layout is None:
                yield kernel_at(driver.emit), (Base.OUT, 0, 4, place), out.column, 0
                continue
            offset, stride = int(self.layout.fields[names[place]][1]), int(self.layout.itemsize)
            kernel = driver.emit_float_cell if kind is Kind.NUMBER else driver.emit_int_cell
            yield kernel_at(kernel), (Base.OUT, offset, stride, 0), out.column, stride

    def _place(self, number: int, slot: int, column: int) -> None:
        self._rows[number][slot] = column * _COLUMN_BYTES
        self._columns.append(number * ROW_SLOTS + slot)

    def _bind(self, number: int, item: Instruction) -> None:
        row = self._rows[number]
        self._place(number, 1, item.out.column)
        slot = 2
        for operand in item.operands:
            slot = self._bind_operand(number, slot, operand)
        if item.gathers:
            kernel = driver.gather_float if item.node.kind is Kind.NUMBER else driver.gather_int
            row[0] = self._library.address(kernel)
        elif isinstance(item.node, Call):
            row[0] = self._find(item.node.operator)
            row[SIZE_SLOT] = item.node.size
            self._bind_parameters(row, slot, item.node)
        elif isinstance(item.node, Constant):
            self._bind_constant(row, item.node.value)

    def _bind_operand(self, number: int, slot: int, operand: Any) -> int:
        if not isinstance(operand, Cell):
            self._place(number, slot, operand.column)
            return slot + 1
        row, at = self._rows[number], number * ROW_SLOTS + slot
        row[slot + 1] = operand.stride
        own = operand.rows is None
        self._patches.append((at, operand.base, operand.offset, operand.stride if own else 0, 0))
        if operand.rows is None:
            row[slot + 2] = address(_OWN_ROWS)
        else:
            self._patches.append((at + 2, operand.rows, 0, 8, 0))
        return slot + 3

    def _bind_parameters(self, row: list[int], slot: int, node: Call) -> None:
        for value in node.prepared:
            if isinstance(value, np.ndarray):
                kept = np.ascontiguousarray(value)
                self._kept.append(kept)
                row[slot : slot + 2] = (address(kept), len(kept))
                slot += 2
            else:
                row[slot] = bits_of(float(value))
                slot += 1

    def _bind_constant(self, row: list[int], value: float | str) -> None:
        if isinstance(value, str):
            row[0] = self._library.address(driver.fill_int)
            row[2] = hash_text(value)
        else:
            row[0] = self._library.address(driver.fill_float)
            row[2] = int(np.float32(value).view(np.uint32))


_forms: Final[WeakKeyDictionary[Program, dict[tuple[str, ...] | None, _Form]]] = WeakKeyDictionary()


def _form(program: Program, find: Find | None, names: tuple[str, ...] | None) -> _Form:
    """Return what evaluators share; with kernels that are not the compiled ones, nothing is."""
    if find is not None:
        return _Form(program, find, names)
    known = _forms.setdefault(program, {})
    found = known.get(names)
    if found is None:
        found = known[names] = _Form(program, None, names)
    return found


def _export_names(program: Program) -> tuple[str, ...]:
    if program.layout is None:
        return ()
    return tuple(n for n in program.layout.names if n != "_pad" and n not in program.copied)
