"""The compiled part of building: which items are nearest to each."""
