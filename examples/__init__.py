"""Worlds to begin with: ``city``, a simulated marketplace with a known truth, and ``movies``, MovieLens."""
