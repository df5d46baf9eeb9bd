"""Statistics counted from events, read as they were known at any time: one definition, one code, one row or millions.

Internal to ``searchrank``; the public names are those of ``__all__``.
"""

from searchrank.features.history.events import EVENT_COLUMNS, EventColumns, query_hash
from searchrank.features.history.history import History, Part
from searchrank.features.history.traces import Chains, Traces

__all__ = ["EVENT_COLUMNS", "Chains", "EventColumns", "History", "Part", "Traces", "query_hash"]
