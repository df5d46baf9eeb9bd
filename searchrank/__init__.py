"""The nouns every searchrank program shares: features, models, events, errors and wire types.

Stability: what a package lists in ``__all__`` is public and kept; everything else may change in any release.
"""

from importlib.metadata import version

__version__ = version("searchrank")

__all__ = ["__version__"]
