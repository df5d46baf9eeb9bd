"""Releases that lie: an operator off by one bit, a policy rewritten, a golden byte flipped; each must be refused.

Every mutant but the flipped file is consistent: its digests are made anew, as a careless tool or a bad build would
leave them, so that only recomputing the golden rows can find it.
"""

from __future__ import annotations

import ctypes
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import yaml

from searchrank.errors import ReleaseRefusedError
from searchrank.features import OPERATORS, FeatureSet, FittedInput, Kind, Operator, Plan
from searchrank.features.operator import ROW_SLOTS
from searchrank.models import Manifest, Release
from searchrank.models.manifest import FEATURES, GOLDEN, INPUTS, MANIFEST, file_digest
from searchrank.models.writing import fingerprints_of
from searchrank.native import library
from searchrank.native.memory import ints_at, words_at

__all__ = ["Mutant", "mutants", "policy_mutant"]

GOLDEN_FLIPS: Final = 64
_NAN: Final = 0x7F800000
_KERNEL: Final = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)


@dataclass(frozen=True, slots=True)
class Mutant:
    """One planted fault.

    Attributes:
        name: What was changed.
        folder: The release that lies.
        address_of: Kernels to load it with; None for the true ones.
    """

    name: str
    folder: Path
    address_of: Callable[[Operator], int] | None = None

    def refusal(self) -> str:
        """Open it as a worker would; return the reason of its refusal, or an empty string if it was accepted."""
        try:
            Release.open(self.folder, address_of=self.address_of)
        except ReleaseRefusedError as error:
            return str(error)
        return ""


def mutants(folder: Path, scratch: Path, *, seed: int = 3) -> Iterator[Mutant]:
    """Plant a fault in every operator, in every missing policy, in golden bytes and in every file of a release."""
    for signatures in OPERATORS.values():
        for operator in signatures:
            yield Mutant(f"operator {operator.signature}", folder, _off_by_a_bit(operator))
    for name in FeatureSet.load(folder / FEATURES).inputs:
        if not _is_training_only(folder, name):
            yield Mutant(f"missing policy of {name}", policy_mutant(folder, scratch / f"policy-{name}", name))
    rng = np.random.default_rng(seed)
    for number in range(GOLDEN_FLIPS):
        yield Mutant(f"golden byte {number}", _golden_mutant(folder, scratch / f"golden-{number}", rng))
    for name in (*Manifest.read(folder).files, MANIFEST):
        yield Mutant(f"a byte of {name}", _flipped_file(folder, scratch / f"file-{name}", name, rng))


def _off_by_a_bit(target: Operator) -> Callable[[Operator], int]:
    """Return addresses in which one operator flips the lowest bit of all it gives."""
    true = library()
    original = true.callable(target.function)
    number = target.result is Kind.NUMBER

    def lie(_result: int, _error: int, n: int, p: int) -> None:
        original(n, p)
        out = int(ints_at(p, ROW_SLOTS)[1])
        if number:
            words = words_at(out, n)
            words[(words & 0x7FFFFFFF) <= _NAN] ^= 1
        else:
            ints_at(out, n)[:] ^= 1

    planted = _KERNEL(lie)
    place = ctypes.cast(planted, ctypes.c_void_p).value or 0

    def address_of(operator: Operator, _kept: Any = planted) -> int:
        return place if operator is target else true.address(operator.function)

    return address_of


def _is_training_only(folder: Path, name: str) -> bool:
    return FeatureSet.load(folder / FEATURES).inputs[name].training_only


def policy_mutant(folder: Path, target: Path, name: str) -> Path:
    """Copy a release with another missing policy for one input and everything signed anew."""
    shutil.copytree(folder, target)
    path = target / FEATURES
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    entry = content["inputs"][name]
    if "missing" in entry:
        del entry["missing"]
    else:
        other = {"float": 1.0, "signal": 1.0, "category": "tea", "tokens": "empty", "list": "empty", "map": "empty"}
        if entry["type"] in other:
            entry["missing"] = other[entry["type"]]
        else:
            entry["unit"] = "changed"  # times, points and vectors have one policy: their declaration changes instead
    path.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")
    _sign(target, fingerprints="unit" not in entry)
    return target


def _golden_mutant(folder: Path, target: Path, rng: np.random.Generator) -> Path:
    shutil.copytree(folder, target)
    with pa.OSFile(str(target / GOLDEN)) as file, pa.ipc.open_file(file) as reader:
        table = reader.read_all()
    row = int(rng.integers(len(table)))
    name = "features" if rng.random() < 0.9 else "score"
    place = table.schema.get_field_index(name)
    column = table.column(name).combine_chunks()
    raw = bytearray(column.buffers()[1].to_pybytes())
    width = len(raw) // len(column)
    raw[row * width + int(rng.integers(width))] ^= 1 << int(rng.integers(8))
    changed = pa.Array.from_buffers(column.type, len(column), [None, pa.py_buffer(bytes(raw))])
    with pa.OSFile(str(target / GOLDEN), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table.set_column(place, table.schema.field(name), changed))
    _sign(target, fingerprints=True)
    return target


def _flipped_file(folder: Path, target: Path, name: str, rng: np.random.Generator) -> Path:
    shutil.copytree(folder, target)
    content = bytearray((target / name).read_bytes())
    content[int(rng.integers(len(content)))] ^= 1 << int(rng.integers(7))
    (target / name).write_bytes(bytes(content))
    return target


def _sign(folder: Path, *, fingerprints: bool) -> None:
    """Make a changed release consistent again: digests of files and, if asked, fingerprints."""
    manifest = Manifest.read(folder)
    if fingerprints:
        text = (folder / INPUTS).read_text(encoding="utf-8")
        inputs = tuple(FittedInput.from_json(i) for i in json.loads(text))
        plan = Plan.compile(FeatureSet.load(folder / FEATURES), inputs)
        manifest = replace(manifest, fingerprints=fingerprints_of(plan, text))
    manifest = replace(manifest, files={name: file_digest(folder / name) for name in manifest.files})
    content = {"digest": manifest.digest} | asdict(manifest)
    (folder / MANIFEST).write_text(json.dumps(content, indent=2, ensure_ascii=False), encoding="utf-8")
