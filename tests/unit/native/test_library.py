"""The compiled kernels' folder: what it is named by, and what happens when it cannot be made."""

import ast
from pathlib import Path

import pytest

import searchrank
from searchrank.errors import ConfigError
from searchrank.native.library import CONSTANT_SOURCES, KERNEL_PACKAGES, cache_folder, ensure_built

ROOT = Path(searchrank.__file__).parent


def imported_by_kernels():
    """Return the searchrank modules outside the kernel packages that kernel modules import from."""
    found = set()
    for package in KERNEL_PACKAGES:
        for path in ROOT.joinpath(*package.split(".")[1:]).glob("*.py"):
            nodes = ast.walk(ast.parse(path.read_text()))
            found |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    return {name for name in found if name.startswith("searchrank.") and not name.startswith(KERNEL_PACKAGES)}


def test_every_module_whose_constants_are_compiled_in_names_the_folder():
    constants = {"searchrank." + name.removesuffix(".py").replace("/", ".") for name in CONSTANT_SOURCES}
    native = {"searchrank.native", "searchrank.native.kernel", "searchrank.native.memory"}
    assert imported_by_kernels() - native == constants


def test_a_folder_that_cannot_be_made_is_named_with_the_way_out(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("SEARCHRANK_CACHE", str(tmp_path / "file"))
    cache_folder.cache_clear()
    try:
        with pytest.raises(ConfigError, match=r"file/kernels/\w+ cannot be written .*SEARCHRANK_CACHE="):
            ensure_built()
    finally:
        cache_folder.cache_clear()
