from __future__ import annotations

from pathlib import Path

import pytest

MAPPING = """
items:
  - file: places.csv
    encoding: latin-1
    missing: ["?"]
    columns:
      item_id:       placeID
      item.title:    {text: name}
      item.location: {point: [lat, lon]}
      item.price:    {number: price, values: {low: 1, high: 3}}
      item.city:     {category: city, lower: true}
  - file: cuisines.csv
    columns:
      item_id:       placeID
      item.cuisines: {list: cuisine}
      item.words:    {text: cuisine, gather: true}
users:
  - file: tastes.csv
    columns:
      user_id:       userID
      user.cuisines: {list: cuisine}
events:
  - file: ratings.csv
    columns:
      kind:       {const: rating}
      event_time: {const: 2024-01-01}
      user_id:    userID
      item_id:    placeID
      value:      rating
  - file: ratings.csv
    min_value: 2
    columns:
      kind:       {const: like}
      event_time: {const: 2024-01-01}
      user_id:    userID
      item_id:    placeID
      value:      rating
"""

PLACES = """placeID,lat,lon,name,price,city
1,22.15,-100.98,Café Chino,low,San Luis
2,22.16,-100.97,"La ""Perla"", del Mar",high,san luis
3,22.17,-100.96,El Rincón,?,?
4,?,-100.95,Fonda,low,Victoria
"""
CUISINES = "placeID,cuisine\n1,Chinese\n1,Cafe\n1,Chinese\n2,Seafood\n99,Italian\n"
TASTES = "userID,cuisine\r\nU1,Chinese\r\nU1,Mexican\r\nU2,Seafood\r\n"
RATINGS = "userID,placeID,rating\nU1,1,2\nU1,2,0\nU2,2,2\nU2,3,1\nU3,1,2\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four files of somebody who never heard of us, and a mapping."""
    (tmp_path / "places.csv").write_bytes(PLACES.encode("latin-1"))
    (tmp_path / "cuisines.csv").write_text(CUISINES)
    (tmp_path / "tastes.csv").write_text(TASTES, newline="")
    (tmp_path / "ratings.csv").write_text(RATINGS)
    (tmp_path / "mapping.yaml").write_text(MAPPING)
    return tmp_path
