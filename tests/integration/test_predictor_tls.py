"""Encrypted servers in this process, asked by callers that fit and by callers that do not."""

import contextlib

import pytest

from predictor import AsyncClient, Query
from predictor.metrics import Metrics
from predictor.server import RankingServer
from predictor.serving import Serving
from predictor.testing import make_shop
from predictor.tls import Tls
from searchrank.errors import UnavailableError

pytestmark = pytest.mark.integration
ASKED = Query(surface="shop", user_id="u1")


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    serving = Serving(make_shop(tmp_path_factory.mktemp("shop")))
    serving.load()
    yield serving
    serving.close()


@contextlib.asynccontextmanager
async def listening(shop, tls):
    server = RankingServer(shop, Metrics())
    port = await server.start("127.0.0.1", 0, tls)
    yield port
    await server.stop(0)


async def ids(port, tls, host="127.0.0.1"):
    async with AsyncClient(f"{host}:{port}", tls=tls) as client:
        return (await client.rank(ASKED, ["i3", "i1"])).ids


def pair(authority, name):
    certificate, key = authority.signed(name)
    return {"certificate": certificate, "key": key}


async def test_a_caller_that_trusts_the_authority_is_answered(shop, authority):
    async with listening(shop, Tls(**pair(authority, "server"))) as port:
        for host in ("127.0.0.1", "localhost"):
            assert await ids(port, Tls(ca=authority.pem), host) == ["i1", "i3"]


async def test_callers_of_an_encrypted_server_that_do_not_fit_are_told_why(shop, authority, stranger):
    unlike = {
        "may want TLS": None,
        "not signed by": Tls(ca=stranger.pem),
        "another name": Tls(ca=authority.pem, server_name="elsewhere"),
    }
    async with listening(shop, Tls(**pair(authority, "server"))) as port:
        for why, tls in unlike.items():
            with pytest.raises(UnavailableError, match=why):
                await ids(port, tls)


async def test_a_server_with_authorities_takes_only_callers_they_signed(shop, authority, stranger):
    async with listening(shop, Tls(**pair(authority, "server"), ca=authority.pem)) as port:
        assert await ids(port, Tls(ca=authority.pem, **pair(authority, "caller"))) == ["i1", "i3"]
        for own in ({}, pair(stranger, "caller")):
            with pytest.raises(UnavailableError, match="a caller's certificate"):
                await ids(port, Tls(ca=authority.pem, **own))


async def test_encryption_where_there_is_none_is_told(shop, authority):
    async with listening(shop, None) as port:
        with pytest.raises(UnavailableError, match="does not encrypt"):
            await ids(port, Tls(ca=authority.pem))
