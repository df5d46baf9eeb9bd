"""A local-life marketplace with a known truth: places, people, searches, clicks with position bias, orders, drift.

``write_city`` fills a workspace; the same size and seed give the same city. A model's list can be compared with the
oracle's, which orders by ``truth.arrow``.
"""

from examples.city.size import CitySize
from examples.city.write import truth_path, write_city

__all__ = ["CitySize", "truth_path", "write_city"]
