"""The compiled part of re-ranking: diversity, and the choice of an item for each place."""
