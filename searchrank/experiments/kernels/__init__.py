"""The compiled part of experiments: one call decides all layers of a unit."""
