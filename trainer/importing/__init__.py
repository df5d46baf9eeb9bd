"""Importing: tables of other people become a workspace, and what is wrong with them is said in plain words.

Stability: what is listed in ``__all__`` is public and kept.
"""

from trainer.importing.findings import Finding, Findings, Severity
from trainer.importing.importer import Imported, import_tables
from trainer.importing.mapping import FileMapping, Kind

__all__ = ["FileMapping", "Finding", "Findings", "Imported", "Kind", "Severity", "import_tables"]
