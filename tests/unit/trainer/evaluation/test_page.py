"""Pieces of the page: what cannot be drawn is left out, what people wrote is escaped."""

from html.parser import HTMLParser
from math import inf, nan

import numpy as np

from trainer.evaluation.page import Cell, bar, curve, histogram, interval, number, page, signed, table


class Balance(HTMLParser):
    """Fails on a tag that closes nothing."""

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):  # noqa: ARG002 - as the parser calls it
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def balanced(text):
    parser = Balance()
    parser.feed(text.replace("/>", "></x>").replace("<line", "<x").replace("<circle", "<x").replace("<rect", "<x"))
    return not parser.open


def test_a_page_loads_nothing_and_closes_what_it_opens():
    text = page("a <b>", [table(["x", "y"], [["<i>", 1.0]])])
    assert "http" not in text
    assert "<title>a &lt;b&gt;</title>" in text
    assert "&lt;i&gt;" in text
    assert balanced(text)


def test_numbers_that_are_none_are_dashes():
    assert (number(nan), signed(inf), number(0.12345), signed(0.5)) == ("-", "-", "0.1235", "+0.5000")


def test_an_interval_is_green_above_zero_and_red_below():
    assert 'class="good"' in interval(0.1, 0.2, 0.3, 0.4).content
    assert 'class="bad"' in interval(-0.3, -0.2, -0.1, 0.4).content
    assert 'class="even"' in interval(-0.1, 0.1, 0.3, 0.4).content
    assert interval(nan, 0.0, 1.0, 1.0) == interval(0.0, 0.0, inf, 1.0) == Cell("")


def test_an_interval_lies_in_its_place():
    content = interval(-0.2, 0.0, 0.4, 0.4).content
    assert 'x1="55.0" x2="220.0"' in content
    assert 'cx="110.0"' in content


def test_a_bar_is_as_long_as_its_share():
    assert 'width="60.0"' in bar(1.0, 2.0, "half").content
    assert 'width="0.0"' in bar(-1.0, 2.0, "less").content
    assert 'width="0.0"' in bar(nan, nan, "none").content


def test_a_histogram_leaves_out_what_is_the_same():
    assert histogram(np.zeros(3), "nothing") == ""
    assert histogram(np.array([-1.0, 0.0, 0.5]), "two").count("<rect") == 2


def test_a_curve_joins_its_points():
    assert 'points="110.0,220.0 220.0,0.0"' in curve(np.array([0.5, 1.0]), np.array([0.0, 1.0]), "steep")
