"""Items that people who dealt with the same ones dealt with."""
