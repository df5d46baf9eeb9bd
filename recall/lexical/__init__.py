"""Words of the query found in texts of items."""
