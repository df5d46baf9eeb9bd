from __future__ import annotations

import pytest

from searchrank.errors import ConfigError
from searchrank.state import EmbeddedStore, open_store
from searchrank.store_address import StoreAddress


def test_an_address_says_server_project_and_timeout():
    assert StoreAddress.parse("unix:///run/v.sock") == StoreAddress("unix:///run/v.sock", "searchrank", 0.01)
    given = StoreAddress.parse("valkeys://ann:pw@cache:7000/2?ssl_cert_reqs=none&project=a.b&timeout_ms=2.5")
    assert given == StoreAddress("rediss://ann:pw@cache:7000/2?ssl_cert_reqs=none", "a.b", 0.0025)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("http://somewhere", "not an address such as"),
        ("localhost:6379", "not an address such as"),
        ("redis://h:1/0?timeout_ms=soon", "not an address such as"),
        ("redis://h:1/0?project=", "project '' must be letters"),
        ("redis://h:1/0?project=a*", "project 'a\\*' must be letters"),
        ("redis://h:1/0?timeout_ms=0", "timeout_ms=0: it must be"),
        ("redis://h:port/0", "not understood|not an address"),
        ("redis://h:1/0?max_connections=lots", "not understood"),
    ],
)
def test_what_is_no_address_is_refused_in_words(text, why):
    with pytest.raises(ConfigError, match=f"store: .*({why})"):
        open_store(text)


def test_no_address_is_the_worker_s_own_memory():
    assert isinstance(open_store(), EmbeddedStore)
