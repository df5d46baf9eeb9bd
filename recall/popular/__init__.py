"""Items with most events."""
