"""On what a release was made and on what it is opened: shown in a refusal, since bits may differ for a reason."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Mapping
from typing import Final

import llvmlite.binding as llvm

__all__ = ["difference", "environment"]

_LIBRARIES: Final = ("searchrank", "numpy", "pyarrow", "numba", "llvmlite", "lightgbm", "onnxruntime", "xxhash")


def environment() -> dict[str, str]:
    """Return processor, system, Python and library versions of this process; nothing is imported for it."""
    versions = {}
    for name in _LIBRARIES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "absent"
    return {
        "cpu": llvm.get_host_cpu_name(),
        "machine": platform.machine(),
        "os": f"{platform.system()} {platform.release()}",
        "libc": " ".join(platform.libc_ver()),
        "python": platform.python_version(),
        **versions,
    }


def difference(made: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Say in words how two environments differ.

    Example:
        >>> difference({"cpu": "znver1"}, {"cpu": "znver3"})
        'cpu znver1 then, znver3 now'
        >>> difference({"cpu": "znver1"}, {"cpu": "znver1"})
        'the same environment'
    """
    keys = [key for key in {**made, **now} if made.get(key) != now.get(key)]
    if not keys:
        return "the same environment"
    return "; ".join(f"{key} {made.get(key, 'unknown')} then, {now.get(key, 'unknown')} now" for key in keys)
