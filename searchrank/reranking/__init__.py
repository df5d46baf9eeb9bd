"""Re-ranking of a whole list after its score: business rules, diversity and exploration.

Public and stable: what ``__all__`` lists. A ``Reranker`` is read from a project's section, checked against the
definitions of a release, and arranges a ``Slate``: the same request, rules and scores always give the same list.
"""

from searchrank.reranking.arranged import Arranged, Relaxed
from searchrank.reranking.judging import Judged, judge
from searchrank.reranking.reranker import Reranker, Slate

__all__ = ["Arranged", "Judged", "Relaxed", "Reranker", "Slate", "judge"]
