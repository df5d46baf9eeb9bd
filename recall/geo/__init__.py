"""Items near a place."""
