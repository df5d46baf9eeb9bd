"""Certificates that are made when a test asks for them."""

import datetime
import ipaddress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


class Authority:
    """Signs certificates into a folder: ``<name>.pem`` and ``<name>.key``; its own is ``<authority>.pem``."""

    def __init__(self, folder: Path, name: str):
        self.folder, self.name = folder, name
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.pem = self._write(name, self._built(name, self.key).sign(self.key, hashes.SHA256()))

    def signed(self, name: str) -> tuple[Path, Path]:
        key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        built = self._built(name, key).add_extension(x509.SubjectAlternativeName(names), critical=False)
        path = self.folder / f"{name}.key"
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        path.write_bytes(key.private_bytes(*form))
        return self._write(name, built.sign(self.key, hashes.SHA256())), path

    def _built(self, name: str, key) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        told = [x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, words)]) for words in (name, self.name)]
        return (
            x509.CertificateBuilder(told[1], told[0], key.public_key(), x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=name == self.name, path_length=None), critical=True)
        )

    def _write(self, name: str, certificate: x509.Certificate) -> Path:
        path = self.folder / f"{name}.pem"
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return path


@pytest.fixture(scope="session")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"), "authority")


@pytest.fixture(scope="session")
def stranger(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("stranger"), "stranger")
