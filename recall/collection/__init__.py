"""Collections of documents without a project: indexed, searched, judged by outside tools."""
