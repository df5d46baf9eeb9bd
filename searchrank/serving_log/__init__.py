"""The serving log: what was answered to whom, by what, from what; one row an answer, written off the request's path.

Public is what ``__all__`` names; the file form is stable: Arrow IPC streams, one series a worker.
"""

from searchrank.serving_log.answered import Answered
from searchrank.serving_log.digest import DIGEST_BLOCK, FeaturesDigest, item_digests
from searchrank.serving_log.forgetting import forget_answers
from searchrank.serving_log.reader import Opened, ServingLog
from searchrank.serving_log.returned import candidate_columns, flat, is_page, returned
from searchrank.serving_log.schema import CORE, FORMAT, schema, sent_inputs
from searchrank.serving_log.sealed import Checked
from searchrank.serving_log.writer import ServingLogWriter

__all__ = [
    "CORE",
    "DIGEST_BLOCK",
    "FORMAT",
    "Answered",
    "Checked",
    "FeaturesDigest",
    "Opened",
    "ServingLog",
    "ServingLogWriter",
    "candidate_columns",
    "flat",
    "forget_answers",
    "is_page",
    "item_digests",
    "returned",
    "schema",
    "sent_inputs",
]
