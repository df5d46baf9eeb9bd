"""The words the city is made of: categories with their prices and hours, and the parts of a place's name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["ADJECTIVES", "CATEGORIES", "DISHES", "DISTRICTS", "GROUPS", "THINGS", "TRAITS", "VAGUE", "Category"]


@dataclass(frozen=True, slots=True)
class Category:
    """A kind of place.

    Attributes:
        name: What the item column holds, and what people type.
        chinese: The same in Chinese.
        group: Index in ``GROUPS``.
        price: Median price a head, CNY.
        spread: Standard deviation of the log price.
        peaks: Local hours of most demand.
        hours: Usual opening and closing hour; closing beyond 24 is after midnight.
    """

    name: str
    chinese: str
    group: int
    price: float
    spread: float
    peaks: tuple[int, ...]
    hours: tuple[int, int]


GROUPS: Final = ("food", "sweet", "fun", "errand")

CATEGORIES: Final = (
    Category("noodles", "面馆", 0, 28, 0.35, (12, 18), (9, 22)),
    Category("hot pot", "火锅", 0, 95, 0.35, (12, 19), (11, 26)),
    Category("bubble tea", "奶茶", 1, 20, 0.25, (15, 20), (9, 23)),
    Category("coffee", "咖啡", 1, 30, 0.30, (9, 14), (7, 22)),
    Category("sichuan", "川菜", 0, 70, 0.40, (12, 18), (10, 22)),
    Category("barbecue", "烧烤", 0, 85, 0.35, (20, 22), (16, 27)),
    Category("dumplings", "饺子", 0, 32, 0.30, (12, 18), (9, 21)),
    Category("supermarket", "超市", 3, 60, 0.40, (11, 18), (8, 23)),
    Category("cantonese", "粤菜", 0, 88, 0.45, (12, 18), (10, 22)),
    Category("hair salon", "理发店", 3, 75, 0.60, (14, 19), (10, 22)),
    Category("burgers", "汉堡", 0, 45, 0.30, (12, 19), (9, 24)),
    Category("dessert", "甜品", 1, 32, 0.35, (15, 21), (11, 23)),
    Category("sushi", "寿司", 0, 130, 0.50, (12, 19), (11, 22)),
    Category("bakery", "面包店", 1, 35, 0.35, (8, 17), (7, 21)),
    Category("cinema", "电影院", 2, 50, 0.25, (19, 21), (10, 26)),
    Category("massage", "按摩", 2, 160, 0.45, (16, 21), (11, 26)),
    Category("korean", "韩国料理", 0, 80, 0.35, (12, 19), (11, 23)),
    Category("pizza", "披萨", 0, 75, 0.35, (12, 19), (10, 22)),
    Category("pharmacy", "药店", 3, 38, 0.50, (10, 18), (8, 22)),
    Category("seafood", "海鲜", 0, 150, 0.50, (12, 19), (11, 23)),
    Category("karaoke", "唱歌", 2, 90, 0.40, (20, 22), (13, 28)),
    Category("breakfast", "早餐", 0, 15, 0.30, (7, 8), (6, 11)),
    Category("gym", "健身房", 2, 70, 0.50, (7, 19), (6, 23)),
    Category("steak", "牛排", 0, 180, 0.45, (12, 19), (11, 22)),
    Category("bar", "酒吧", 2, 110, 0.45, (21, 23), (17, 28)),
    Category("buffet", "自助餐", 0, 120, 0.40, (12, 18), (11, 21)),
    Category("nail salon", "美甲", 3, 120, 0.45, (14, 18), (10, 21)),
    Category("tea house", "茶馆", 1, 68, 0.50, (14, 16), (10, 22)),
    Category("vegetarian", "素食", 0, 55, 0.40, (12, 18), (10, 21)),
    Category("escape room", "密室逃脱", 2, 100, 0.30, (14, 20), (12, 24)),
    Category("florist", "花店", 3, 90, 0.50, (11, 17), (9, 20)),
    Category("bookshop", "书店", 2, 48, 0.40, (14, 17), (10, 22)),
)

ADJECTIVES: Final = (
    ("Old", "老"),
    ("Golden", "金"),
    ("Little", "小"),
    ("Red", "红"),
    ("Lucky", "福"),
    ("Quiet", "静"),
    ("Jade", "玉"),
    ("Silver", "银"),
    ("Sunny", "晴"),
    ("Northern", "北"),
    ("Southern", "南"),
    ("Grand", "大"),
    ("New", "新"),
    ("Green", "绿"),
    ("Blue", "蓝"),
    ("Royal", "御"),
)

THINGS: Final = (
    ("Lantern", "灯笼"),
    ("Dragon", "龙"),
    ("Bamboo", "竹子"),
    ("Lotus", "莲花"),
    ("Bridge", "桥"),
    ("Garden", "花园"),
    ("River", "江"),
    ("Crane", "白鹤"),
    ("Panda", "熊猫"),
    ("Harbour", "港湾"),
    ("Moon", "月亮"),
    ("Tiger", "老虎"),
    ("Peony", "牡丹"),
    ("Pine", "松树"),
    ("Cloud", "云朵"),
    ("Phoenix", "凤凰"),
    ("Plum", "梅花"),
    ("Swallow", "燕子"),
    ("Mountain", "山峰"),
    ("Temple", "古寺"),
)

DISTRICTS: Final = (
    "Riverside",
    "Drum Tower",
    "West Lake",
    "University",
    "Old Town",
    "Tech Park",
    "Railway Station",
    "Harbour Side",
    "North Gate",
    "Art Village",
    "Stadium",
    "Hillcrest",
)

TRAITS: Final = (
    "cheap sets",
    "fair prices",
    "premium service",
    "family friendly",
    "open late",
    "quiet rooms",
    "window seats",
    "loved by students",
    "fast service",
    "live music",
    "outdoor terrace",
    "no reservations",
)
"""The first three follow the price; the others are chance."""

DISHES: Final = (
    ("spicy beef", "mutton", "tofu", "rice bowl", "pickles", "grilled fish", "pork ribs", "broth"),
    ("mango", "matcha", "cheese foam", "croissant", "espresso", "taro", "red bean", "lemon"),
    ("private rooms", "big screen", "snacks", "late shows", "board games", "group discount", "sauna", "stage"),
    ("delivery", "membership", "parking", "gift cards", "self checkout", "consultation", "styling", "fresh stock"),
)
"""What places of each group mention."""

VAGUE: Final = (
    ("dinner near me", "something tasty", "cheap eats", "好吃的"),
    ("something sweet", "afternoon break", "下午茶", "drinks"),
    ("fun with friends", "date night", "周末去哪", "things to do"),
    ("shops nearby", "附近的店", "open now", "errands"),
)
"""What people of each group type when they do not know what they want."""
