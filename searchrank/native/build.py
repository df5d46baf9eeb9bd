"""Compile every registered kernel into one object file; the only module that imports numba.

Run by one process per install (``python -m searchrank.native.build``), or by the first command that needs a kernel.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import numba
import numpy as np
from llvmlite import ir
from numba import carray, types
from numba.core import cgutils, config
from numba.core.registry import cpu_target
from numba.extending import intrinsic, overload, register_jitable

from searchrank.native import memory
from searchrank.native.kernel import INLINED, KERNELS
from searchrank.native.library import OBJECT_NAME, SYMBOLS_NAME, cache_folder, kernel_modules

__all__ = ["build"]

log = logging.getLogger(__name__)

_BYTE = ir.IntType(8)
_I64 = ir.IntType(64)
_ALLOWED_EXTERNALS = {
    "memcpy",
    "memset",
    "memmove",
    "floor",
    "ceil",
    "trunc",
    "rint",
    "sqrt",
    "sqrtf",
    "fabs",
}


@intrinsic  # type: ignore[untyped-decorator]
def _pointer(_typing: Any, address: Any) -> Any:  # noqa: ARG001
    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], _BYTE.as_pointer())

    return types.voidptr(types.int64), generate


@intrinsic  # type: ignore[untyped-decorator]
def _call(_typing: Any, address: Any, rows: Any, operands: Any) -> Any:  # noqa: ARG001
    def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        pointer = _BYTE.as_pointer()
        kind = ir.FunctionType(ir.IntType(32), [pointer, pointer, _I64, _I64])
        result = builder.bitcast(cgutils.alloca_once(builder, _I64), pointer)
        function = builder.inttoptr(args[0], kind.as_pointer())
        builder.call(function, [result, ir.Constant(pointer, None), args[1], args[2]])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), generate


@intrinsic  # type: ignore[untyped-decorator]
def _bits(_typing: Any, value: Any) -> Any:  # noqa: ARG001
    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], _I64)

    return types.int64(types.float64), generate


@intrinsic  # type: ignore[untyped-decorator]
def _double(_typing: Any, value: Any) -> Any:  # noqa: ARG001
    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], ir.DoubleType())

    return types.float64(types.int64), generate


@intrinsic  # type: ignore[untyped-decorator]
def _square_root(_typing: Any, value: Any) -> Any:  # noqa: ARG001
    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.call(builder.module.declare_intrinsic("llvm.sqrt", [ir.DoubleType()]), args)

    return types.float64(types.float64), generate


def _overload_view(function: Callable[..., object], kind: type[np.generic]) -> None:
    overload(function, inline="always")(
        lambda address, count: lambda address, count: carray(_pointer(address), count, kind)  # noqa: ARG005
    )


def _give_meaning() -> None:
    """Tell numba what the functions of ``memory`` and every inlined function are."""
    for function, kind in (
        (memory.floats_at, np.float32),
        (memory.doubles_at, np.float64),
        (memory.ints_at, np.int64),
        (memory.shorts_at, np.int32),
        (memory.words_at, np.uint32),
        (memory.bytes_at, np.uint8),
    ):
        _overload_view(function, kind)
    overload(memory.bits_of)(lambda value: lambda value: _bits(value))  # noqa: ARG005, PLW0108
    overload(memory.double_of)(lambda bits: lambda bits: _double(bits))  # noqa: ARG005, PLW0108
    overload(memory.square_root)(lambda value: lambda value: _square_root(value))  # noqa: ARG005, PLW0108
    overload(memory.call_kernel)(
        lambda address, rows, operands: lambda address, rows, operands: _call(address, rows, operands)  # noqa: ARG005, PLW0108
    )
    for inlined in INLINED:
        register_jitable(forceinline=True)(inlined)


def _prepare() -> None:
    """Make a process ready to compile: all kernels registered, every placeholder given its meaning."""
    config.DISABLE_INTEL_SVML = True
    for module in kernel_modules():
        importlib.import_module(module)
    _give_meaning()


def _compile(name: str) -> tuple[str, str]:
    """Return a kernel's symbol and LLVM text."""
    item = KERNELS[name]
    signature = types.void(*[types.int64] * item.arity)
    flags = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, "error_model": "numpy", "boundscheck": False}
    result = numba.njit([signature], **flags)(item.function).overloads[signature.args]
    return result.fndesc.llvm_func_name, result.library.get_llvm_str()


def _drop_unused(module: Any, machine: Any, kept: set[str]) -> None:
    """Remove what no kernel calls (numba's reference counting, for one)."""
    for function in module.functions:
        if not function.is_declaration and function.name not in kept:
            function.linkage = "internal"
    builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=0))
    passes = llvm.create_new_module_pass_manager()
    passes.add_global_dead_code_eliminate_pass()
    passes.run(module, builder)


def _check_externals(module: Any) -> None:
    """Refuse an object that would call into libm, Python or numba at run time.

    Raises:
        RuntimeError: When it would; names what it calls.
    """
    names = {f.name for f in module.functions if f.is_declaration}
    foreign = {n for n in names if not n.startswith("llvm.")} - _ALLOWED_EXTERNALS
    if foreign:
        raise RuntimeError(f"kernels must stand alone but call {sorted(foreign)}")


def build(folder: Path) -> None:
    """Compile all kernels of ``kernel_modules()``, a process a core, into one object and its symbol table.

    Args:
        folder: Where they go; made if needed.

    Raises:
        RuntimeError: When a kernel does not stand alone, or there is none.
    """
    _prepare()
    if not KERNELS:
        raise RuntimeError("no kernels are registered")
    symbols: dict[str, str] = {}
    linked = llvm.parse_assembly("")
    machine = cpu_target.target_context.codegen()._tm  # noqa: SLF001 (numba's own target machine)
    with ProcessPoolExecutor(mp_context=get_context("spawn"), initializer=_prepare) as pool:
        for name, (symbol, text) in zip(KERNELS, pool.map(_compile, KERNELS), strict=True):
            symbols[name] = symbol
            module = llvm.parse_assembly(text)
            linked.triple, linked.data_layout = module.triple, module.data_layout
            linked.link_in(module)
    _drop_unused(linked, machine, set(symbols.values()))
    _check_externals(linked)
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / OBJECT_NAME, machine.emit_object(linked))
    _write(folder / SYMBOLS_NAME, json.dumps(symbols, indent=1).encode())
    log.info("compiled %d kernels into %s", len(symbols), folder)


def _write(path: Path, content: bytes) -> None:
    """Put a file in place by an atomic rename, so that a reader sees all of it or none."""
    handle, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    Path(name).replace(path)


if __name__ == "__main__":
    build(Path(sys.argv[1]) if len(sys.argv) > 1 else cache_folder())
