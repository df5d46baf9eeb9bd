"""The compiled kernels in this process: found by name, called through ctypes, which lets go of the GIL.

Loading maps one object file (a few milliseconds); neither numba nor a compiler takes part.
"""

from __future__ import annotations

import ctypes
import fcntl
import functools
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TextIO

import llvmlite.binding as llvm
import numpy.typing as npt

from searchrank.errors import ConfigError
from searchrank.native.kernel import KERNELS

__all__ = ["Library", "address", "cache_folder", "compiled", "ensure_built", "kernel_modules", "library"]

OBJECT_NAME: Final = "kernels.o"
SYMBOLS_NAME: Final = "symbols.json"
KERNEL_PACKAGES: Final = (
    "searchrank.experiments.kernels",
    "searchrank.features.kernels",
    "searchrank.features.operators",
    "searchrank.models.kernels",
    "searchrank.reranking.kernels",
)
CONSTANT_SOURCES: Final = ("features/inputs.py", "features/operator.py")
"""Modules outside the kernel packages whose constants are compiled into kernels, below ``searchrank``."""
_RESULT: Final = ctypes.c_int64()  # where a compiled kernel writes that it returns nothing


@functools.cache
def kernel_modules() -> tuple[str, ...]:
    """Return every module of the kernel packages, ours and those of installed plug-ins, in a fixed order."""
    return tuple(sorted(_kernel_sources()))


def _kernel_sources() -> dict[str, Path]:
    """Return the file of every kernel module by name; ours are found without importing their parents."""
    root = Path(__file__).parents[1]
    folders = {package: root.joinpath(*package.split(".")[1:]) for package in KERNEL_PACKAGES}
    for entry in importlib.metadata.entry_points(group="searchrank.kernels"):
        top, *below = entry.value.split(".")
        spec = importlib.util.find_spec(top)  # of a package below it, this would import what is above
        if spec is not None and spec.origin is not None:
            folders[entry.value] = Path(spec.origin).parent.joinpath(*below)
    return {
        package if path.stem == "__init__" else f"{package}.{path.stem}": path
        for package, folder in folders.items()
        for path in sorted(folder.glob("*.py"))
    }


@functools.cache
def cache_folder() -> Path:
    """Return this install's private kernel folder, named by kernel sources, numba, LLVM and processor."""
    digest = hashlib.sha256()
    own = (Path(__file__).parent / name for name in ("kernel.py", "memory.py", "build.py"))
    constants = (Path(__file__).parents[1] / name for name in CONSTANT_SOURCES)
    for source in (*own, *constants, *_kernel_sources().values()):
        digest.update(source.name.encode() + b"\0" + source.read_bytes())
    cpu = os.environ.get("NUMBA_CPU_NAME") or llvm.get_host_cpu_name()
    features = os.environ.get("NUMBA_CPU_FEATURES", llvm.get_host_cpu_features().flatten())
    versions = [importlib.metadata.version(name) for name in ("numba", "llvmlite")]
    digest.update("\0".join([cpu, features, *versions]).encode())
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "searchrank"
    return Path(os.environ.get("SEARCHRANK_CACHE") or default) / "kernels" / digest.hexdigest()[:16]


def ensure_built(announce: Callable[[str], None] = lambda _message: None) -> None:
    """Compile the kernels in a child process unless this install has them; others wait for the one that does.

    Args:
        announce: Told once, in words, before the compilation begins (10 to 30 s).

    Raises:
        RuntimeError: When the compilation fails; carries its output.
        ConfigError: When the folder for compiled kernels cannot be written.
    """
    folder = cache_folder()
    if (folder / SYMBOLS_NAME).is_file():
        return
    with _lock_file(folder) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (folder / SYMBOLS_NAME).is_file():
            return
        announce("compiling kernels for this processor, once per install")
        command = [sys.executable, "-m", "searchrank.native.build", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode:
            raise RuntimeError(f"kernels did not compile:\n{done.stderr.strip()[-4000:]}")


def _lock_file(folder: Path) -> TextIO:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return (folder / "lock").open("w", encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"kernels must be compiled once per install, but {folder} cannot be written ({error.strerror}); "
            "name a folder that can, such as SEARCHRANK_CACHE=/tmp/searchrank"
        ) from error


class Library:
    """Addresses and callables of the compiled kernels of this process."""

    def __init__(self, folder: Path) -> None:
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        machine = llvm.Target.from_default_triple().create_target_machine()
        self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
        self._engine.add_object_file(llvm.ObjectFileRef.from_path(str(folder / OBJECT_NAME)))
        self._engine.finalize_object()
        symbols = json.loads((folder / SYMBOLS_NAME).read_text())
        self._addresses = {name: self._engine.get_function_address(symbol) for name, symbol in symbols.items()}

    def address(self, function: Callable[..., None]) -> int:
        """Return the machine address of a kernel."""
        address: int = self._addresses[f"{function.__module__}.{function.__qualname__}"]
        return address

    def callable(self, function: Callable[..., None]) -> Callable[..., None]:
        """Return the compiled form of a kernel: takes ints, runs without the GIL."""
        name = f"{function.__module__}.{function.__qualname__}"
        integers: list[Any] = [ctypes.c_int64] * KERNELS[name].arity
        prototype = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, *integers)
        return functools.partial(prototype(self._addresses[name]), ctypes.addressof(_RESULT), None)


@functools.cache
def library() -> Library:
    """Return the compiled kernels, built first if this install has none yet."""
    ensure_built()
    return Library(cache_folder())


@functools.cache
def compiled(kernel: Callable[..., None]) -> Callable[..., None]:
    """Return the compiled form of a kernel, looked up once in a process."""
    return library().callable(kernel)


def address(array: npt.NDArray[Any]) -> int:
    """Return where an array's first element lies; the caller keeps the array alive."""
    return int(array.ctypes.data)  # __array_interface__ spells out a record type anew each time
