"""Files for encrypted connections: what fits is taken, what does not is named before anything starts."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from predictor.tls import Tls
from searchrank.errors import ConfigError


def test_no_files_mean_no_encryption():
    assert Tls.of(None, None, None) is None


def test_a_certificate_with_its_key_is_taken(authority):
    certificate, key = authority.signed("server")
    tls = Tls(certificate=certificate, key=key, ca=authority.pem)
    tls.check(server=True)
    assert tls.server_credentials()
    assert tls.channel_credentials()


@pytest.mark.parametrize("lacking", ["key", "certificate"])
def test_one_without_the_other_is_refused(authority, lacking):
    certificate, key = authority.signed("server")
    files = {"certificate": certificate, "key": key} | {lacking: None}
    with pytest.raises(ConfigError, match=f"tls: .*go together, the {lacking} is missing"):
        Tls(**files).check(server=False)


def test_a_server_that_asks_callers_for_certificates_needs_its_own(authority):
    with pytest.raises(ConfigError, match="the server has none"):
        Tls(ca=authority.pem).check(server=True)
    Tls(ca=authority.pem).check(server=False)


def test_the_key_of_another_certificate_is_refused(authority):
    certificate, _ = authority.signed("server")
    _, key = authority.signed("other")
    with pytest.raises(ConfigError, match=r"cannot use .*other\.key: it is not the key of .*server\.pem"):
        Tls(certificate=certificate, key=key).check(server=True)


def test_a_file_that_is_not_there_is_named(authority, tmp_path):
    certificate, key = authority.signed("server")
    nowhere = tmp_path / "nowhere.pem"
    for tls in (
        Tls(certificate=nowhere, key=key),
        Tls(certificate=certificate, key=nowhere),
        Tls(certificate=certificate, key=key, ca=nowhere),
    ):
        with pytest.raises(ConfigError, match=r"cannot read .*nowhere\.pem: No such file"):
            tls.check(server=True)


def test_swapped_files_are_named_by_what_they_lack(authority):
    certificate, key = authority.signed("server")
    with pytest.raises(ConfigError, match=r"server\.key holds no certificate in PEM form"):
        Tls(certificate=key, key=certificate).check(server=True)


def test_authorities_without_a_certificate_are_refused(authority):
    certificate, key = authority.signed("server")
    with pytest.raises(ConfigError, match=r"server\.key holds no certificates in PEM form"):
        Tls(certificate=certificate, key=key, ca=key).check(server=True)


@pytest.mark.parametrize("damage", [lambda text: text[:90] + text[120:], lambda _: b"-----BEGIN PRIVATE KEY-----"])
def test_a_damaged_key_is_refused(authority, tmp_path, damage):
    certificate, key = authority.signed("server")
    broken = tmp_path / "broken.key"
    broken.write_bytes(damage(key.read_bytes()))
    with pytest.raises(ConfigError, match=r"cannot use .*broken\.key: it is damaged"):
        Tls(certificate=certificate, key=broken).check(server=True)


def test_a_key_with_a_passphrase_is_refused_without_asking_for_it(authority, tmp_path):
    certificate, key = authority.signed("server")
    secret: Path = tmp_path / "secret.key"
    private = serialization.load_pem_private_key(key.read_bytes(), None)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    secret.write_bytes(private.private_bytes(*form, serialization.BestAvailableEncryption(b"open sesame")))
    with pytest.raises(ConfigError, match="has a passphrase"):
        Tls(certificate=certificate, key=secret).check(server=True)
