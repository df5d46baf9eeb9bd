"""The words in which the two worlds give their reasons."""

from __future__ import annotations

from typing import Final

from examples.demo.reasons import Phrase, Phrasebook

__all__ = ["CITY", "MOVIES"]

CITY: Final = Phrasebook(
    branches={"lexical": "your words", "item_to_item": "chosen with what you clicked", "popular": "popular"},
    phrases=(
        Phrase(("distance_km", "distance_log", "eta"), lambda v: f"{v['distance_km']:.1f} km away"),
        Phrase(("taste",), lambda _: "to your taste"),
        Phrase(("category_taste", "favourite"), lambda _: "a kind of place you like"),
        Phrase(("again", "how_long_ago"), lambda v: "you looked at it lately" if v["again"] else ""),
        Phrase(("price_gap", "price_level", "price_habit", "price_log"), lambda _: "in your price range"),
        Phrase(("words_match", "title_match", "text_match", "category_match"), lambda _: "fits your words"),
        Phrase(("query_category", "category"), lambda _: "what people want who type this"),
        Phrase(("rating",), lambda v: f"rated {v['rating']:.1f}"),
        Phrase(("ctr", "ctr_7d", "clicks_log"), lambda _: "often chosen"),
        Phrase(("order_rate",), lambda _: "often ordered from"),
        Phrase(("trend",), lambda v: "on the rise" if v["trend"] > 1 else ""),
        Phrase(("age",), lambda v: f"open for {v['age']:.0f} days" if v["age"] < 30 else ""),
        Phrase(("is_open", "hour", "weekday"), lambda v: "open now" if v["is_open"] else ""),
        Phrase(("device_category",), lambda _: ""),
    ),
)

MOVIES: Final = Phrasebook(
    branches={"lexical": "your words", "item_to_item": "liked with what you liked", "popular": "popular"},
    phrases=(
        Phrase(
            ("neighbours", "neighbours_log", "neighbours_share", "neighbours_root", "neighbours_lift"),
            lambda _: "people who like your films like it",
        ),
        Phrase(("likes_log",), lambda _: "widely liked"),
        Phrase(("mean_rating", "like_rate", "rating_lift"), lambda _: "rated highly"),
        Phrase(("genre_share", "genre_share_1", "genre_share_2", "genre_share_3"), lambda _: "a genre you often like"),
        Phrase(("genre_stars", "genre_stars_2"), lambda _: "a genre you rate highly"),
        Phrase(("year",), lambda v: f"from {v['year']:.0f}"),
        Phrase(("user_ratings_log", "user_like_rate"), lambda _: ""),
    ),
)
