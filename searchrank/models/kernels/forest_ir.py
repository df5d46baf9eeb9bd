"""What ``mark_leaves`` compiles to: 32 rows a vector, written as LLVM vector IR (AVX2, AVX-512 or NEON by LLVM).

Imported by ``searchrank.native.build`` alone, as every module of a kernel package is; it must never be imported by a
process that serves, since it needs numba. Auto-vectorised loops reached half of this speed.
"""

from __future__ import annotations

from typing import Any, Final

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from searchrank.models.kernels.forest import LANES, mark_leaves

__all__: list[str] = []

_VECTOR: Final = 32
_I1, _I8, _I32, _I64 = (ir.IntType(bits) for bits in (1, 8, 32, 64))
_V = ir.VectorType(_I8, _VECTOR)
_ZERO = ir.Constant(_V, [0] * _VECTOR)
_ONES = ir.Constant(_V, [-1] * _VECTOR)


class _Emitter:
    """Writes the search for one number of vectors."""

    def __init__(self, builder: Any, args: Any, vectors: int) -> None:
        self.builder, self.vectors = builder, vectors
        self.bins, self.lanes, entries, self.group, self.width, self.leaf = args
        table = builder.inttoptr(entries, _I64.as_pointer())
        address = [builder.load(builder.gep(table, [self.number(slot)])) for slot in range(4)]
        kinds = (_I64, _I32, _I8, _I8)
        pairs = zip(address, kinds, strict=True)
        self.offsets, self.columns, self.ranks, self.masks = (
            builder.inttoptr(a, kind.as_pointer()) for a, kind in pairs
        )
        self.dead, self.found, self.byte_of = (
            [cgutils.alloca_once(builder, _V) for _ in range(vectors)] for _ in range(3)
        )

    def number(self, value: int) -> Any:
        """Return an int64 constant."""
        return ir.Constant(_I64, value)

    def at(self, pointer: Any, index: Any) -> Any:
        """Load one element of a table."""
        return self.builder.load(self.builder.gep(pointer, [index]))

    def splat(self, byte: Any) -> Any:
        """Copy a byte into all lanes of a vector."""
        first = self.builder.insert_element(ir.Constant(_V, ir.Undefined), byte, ir.Constant(_I32, 0))
        lanes = ir.Constant(ir.VectorType(_I32, _VECTOR), [0] * _VECTOR)
        return self.builder.shuffle_vector(first, ir.Constant(_V, ir.Undefined), lanes)

    def vector_at(self, address: Any, k: int) -> Any:
        """Return a pointer to the k-th vector at an address."""
        return self.builder.inttoptr(self.builder.add(address, self.number(_VECTOR * k)), _V.as_pointer())

    def entries(self, start: Any, stop: Any, *, mirrored: bool) -> None:
        """Mark the leaves that die by one group of entries."""
        b = self.builder
        with cgutils.for_range_slice(b, start, stop, self.number(1), inc=True) as (entry, _):
            column = b.add(self.bins, b.mul(b.sext(self.at(self.columns, entry), _I64), self.lanes))
            rank, mask = self.splat(self.at(self.ranks, entry)), self.splat(self.at(self.masks, entry))
            for k in range(self.vectors):
                values = b.load(self.vector_at(column, k))
                values.align = 1
                fails = b.icmp_signed("<=" if mirrored else ">", values, rank)
                b.store(b.or_(b.load(self.dead[k]), b.select(fails, mask, _ZERO)), self.dead[k])

    def byte(self, number: Any) -> None:
        """Handle one byte of leaves, the last first, so that the first survivor is what remains."""
        b = self.builder
        for k in range(self.vectors):
            b.store(_ZERO, self.dead[k])
        at = b.add(self.group, b.mul(number, self.number(2)))
        bounds = [self.at(self.offsets, b.add(at, self.number(step))) for step in range(3)]
        self.entries(bounds[0], bounds[1], mirrored=False)
        self.entries(bounds[1], bounds[2], mirrored=True)
        position = self.splat(b.trunc(b.sub(b.sub(self.width, self.number(1)), number), _I8))
        for k in range(self.vectors):
            dead = b.load(self.dead[k])
            none = b.icmp_signed("==", dead, _ONES)
            b.store(b.select(none, b.load(self.found[k]), b.xor(dead, _ONES)), self.found[k])
            b.store(b.select(none, b.load(self.byte_of[k]), position), self.byte_of[k])

    def write(self, value: Any, offset: Any, k: int) -> None:
        """Store one vector of the answer."""
        self.builder.store(value, self.vector_at(self.builder.add(self.leaf, offset), k)).align = 1

    def emit(self) -> None:
        """Write the whole search."""
        b = self.builder
        for k in range(self.vectors):
            b.store(_ZERO, self.found[k])
            b.store(_ZERO, self.byte_of[k])
        with cgutils.for_range_slice(b, self.number(0), self.width, self.number(1), inc=True) as (number, _):
            self.byte(number)
        kind = ir.FunctionType(_V, [_V, _I1])
        trailing = cgutils.get_or_insert_function(b.module, kind, f"llvm.cttz.v{_VECTOR}i8")
        bits = [b.call(trailing, [b.load(self.found[k]), ir.Constant(_I1, 1)]) for k in range(self.vectors)]
        three = ir.Constant(_V, [3] * _VECTOR)
        with b.if_else(b.icmp_signed("<=", self.width, self.number(32))) as (narrow, wide):
            with narrow:
                for k in range(self.vectors):
                    self.write(b.add(b.shl(b.load(self.byte_of[k]), three), bits[k]), self.number(0), k)
            with wide:
                for k in range(self.vectors):
                    self.write(b.load(self.byte_of[k]), self.number(0), k)
                    self.write(bits[k], self.lanes, k)


@intrinsic  # type: ignore[untyped-decorator]
def _mark(_typing: Any, bins: Any, lanes: Any, entries: Any, group: Any, width: Any, leaf: Any) -> Any:  # noqa: ARG001, PLR0913, PLR0917
    def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        for count in LANES:
            with builder.if_then(builder.icmp_signed("==", args[1], ir.Constant(_I64, count))):
                _Emitter(builder, args, count // _VECTOR).emit()
        return context.get_dummy_value()

    return types.void(*[types.int64] * 6), generate


def _search(bins: Any, lanes: Any, entries: Any, group: Any, width: Any, leaf: Any) -> Any:  # noqa: PLR0913, PLR0917
    return _mark(bins, lanes, entries, group, width, leaf)


def _meaning(bins: Any, lanes: Any, entries: Any, group: Any, width: Any, leaf: Any) -> Any:  # noqa: ARG001, PLR0913, PLR0917
    return _search


overload(mark_leaves)(_meaning)
