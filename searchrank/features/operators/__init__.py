"""The operators, one family a file. Importing this package registers all of them in ``OPERATORS``."""

from searchrank.features.operators import arithmetic, elementary, missing, ratio

__all__ = ["arithmetic", "elementary", "missing", "ratio"]
