"""Write golden folders that are not there yet: ``python -m tests.golden.make``.

Those that are there are never written again: they stand for what is on other people's disks. A new form of a format
gets a new folder, ``<format>-v2``, and the old one stays readable. Two exceptions. A new revision of an operator
refuses every release made before it, this one too; delete ``release-v1`` and make it anew. Indexes of an earlier form
are built anew by ``searchrank refresh``; delete ``snapshot-v1/first/indexes``, and they are written from the golden
catalogue.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.golden.formats import FORMATS, write_indexes

HERE = Path(__file__).parent


def main() -> None:
    """Write what is missing."""
    for name, (write, read) in FORMATS.items():
        folder = HERE / name
        if folder.exists():
            if name == "snapshot-v1" and not (folder / "first" / "indexes").exists():
                write_indexes(folder)
            continue
        write(folder)
        told = json.dumps(read(folder), ensure_ascii=False, indent=1, allow_nan=False)
        (HERE / f"{name}.json").write_text(told + "\n", encoding="utf-8")
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        sys.stdout.write(f"{name}: {size:,} bytes\n")
    for lock in HERE.rglob("*.lock"):
        lock.unlink()


if __name__ == "__main__":
    main()
