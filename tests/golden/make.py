"""Write golden folders that are not there yet: ``python -m tests.golden.make``.

Those that are there are never written again: they stand for what is on other people's disks. A new form of a format
gets a new folder, ``<format>-v2``, and the old one stays readable. One exception: a new revision of an operator refuses
every release made before it, this one too; delete ``release-v1`` and make it anew.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.golden.formats import FORMATS

HERE = Path(__file__).parent


def main() -> None:
    """Write what is missing."""
    for name, (write, read) in FORMATS.items():
        folder = HERE / name
        if folder.exists():
            continue
        write(folder)
        told = json.dumps(read(folder), ensure_ascii=False, indent=1, allow_nan=False)
        for lock in folder.rglob("*.lock"):
            lock.unlink()
        (HERE / f"{name}.json").write_text(told + "\n", encoding="utf-8")
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        sys.stdout.write(f"{name}: {size:,} bytes\n")


if __name__ == "__main__":
    main()
