"""Items that carry the tags that a person likes."""
