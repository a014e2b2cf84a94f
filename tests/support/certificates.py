"""Certificates made at test time: a CA, and what it issues."""

import datetime as dt
import ipaddress
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

HERE = ("localhost", "127.0.0.1")
_DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, in PEM."""

    certificate: str
    key: str

    @property
    def serial(self) -> int:
        return x509.load_pem_x509_certificate(self.certificate.encode()).serial_number

    @property
    def tls_keys(self) -> dict[str, str]:
        """The data of a Secret of type kubernetes.io/tls."""
        return {"tls.crt": self.certificate, "tls.key": self.key}


class Authority:
    """A CA, self-signed; its certificates keep to RFC 5280, which Python checks from 3.13 on."""

    def __init__(self, name: str = "test CA") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named(name)
        usage = x509.KeyUsage(
            digital_signature=False,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=False,
        )
        builder = (
            _builder(self._name, self._name, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
        )
        self.pem = _pem(builder.sign(self._key, hashes.SHA256()))

    @classmethod
    def self_signed(cls, *hosts: str) -> Pair:
        """Return a certificate that nobody but itself vouches for."""
        authority = cls(hosts[0])
        key = authority._key
        builder = _builder(authority._name, authority._name, key.public_key()).add_extension(
            _names(hosts), critical=False
        )
        return Pair(_pem(builder.sign(key, hashes.SHA256())), pem_of(key))

    def issue(self, *hosts: str, expired: bool = False, days: int = 1) -> Pair:
        """Return a certificate for a server with these names, or for a client, valid for so many days."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = (
            _builder(_named(hosts[0]), self._name, key.public_key(), expired=expired, days=days)
            .add_extension(_names(hosts), critical=False)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
                critical=False,
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
        )
        return Pair(_pem(builder.sign(self._key, hashes.SHA256())), pem_of(key))


def pem_of(key: ec.EllipticCurvePrivateKey, passphrase: bytes | None = None) -> str:
    encryption: KeySerializationEncryption = NoEncryption()
    if passphrase is not None:
        encryption = BestAvailableEncryption(passphrase)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption).decode()


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _names(hosts: tuple[str, ...]) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([_general(host) for host in hosts])


def _general(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, *, expired: bool = False, days: int = 1
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 2 * _DAY)
        .not_valid_after(now - _DAY if expired else now + days * _DAY)
    )
