"""Items whose vectors are nearest to that of the query."""
