"""Proof that features and scores have the same bits everywhere, and that a release which lies is refused."""
