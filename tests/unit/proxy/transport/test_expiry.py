"""When the certificates of `upstream.tls` expire: of the files that are in use, also after a rotation."""

import datetime as dt
import ssl
import time
from math import isnan
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from support.certificates import Authority, Pair
from support.proxy import tokens
from support.proxy.running import proxy_config, running_proxy
from tenantproxy.config import Tls
from tenantproxy.transport.expiry import EARLIEST, LATEST, expiry_of
from tenantproxy.transport.tls import TlsFiles

_DAY = 86_400


def days(timestamp: float) -> int:
    return round((timestamp - time.time()) / _DAY)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("ca", "client"):
        (tmp_path / name).mkdir()
    return tmp_path


def install(folder: Path, pair: Pair) -> None:
    (folder / "client/tls.crt").write_text(pair.certificate)
    (folder / "client/tls.key").write_text(pair.key)


def test_of_several(tmp_path: Path) -> None:
    """Of a chain the first to expire counts, of CAs the last."""
    authority = Authority()
    path = tmp_path / "chain.pem"
    path.write_text(authority.issue("a", days=9).certificate + authority.issue("b", days=30).certificate)
    assert (days(expiry_of(path, EARLIEST)), days(expiry_of(path, LATEST))) == (9, 30)


_DER = ssl.PEM_cert_to_DER_cert(Authority().pem)
_FIRST, _LAST = dt.datetime(1950, 1, 1, tzinfo=dt.UTC), dt.datetime(9999, 12, 31, tzinfo=dt.UTC)
_KEY = ec.generate_private_key(ec.SECP256R1())


@given(
    ages=st.lists(st.timedeltas(dt.timedelta(days=1), _LAST - _FIRST), min_size=1, max_size=3),
    name=st.text("abc", min_size=1, max_size=64),
    organizations=st.integers(0, 30),
    serial=st.integers(1, 2**159 - 1),
)
def test_as_cryptography_reads_it(
    tmp_path_factory: pytest.TempPathFactory,
    ages: list[dt.timedelta],
    name: str,
    organizations: int,
    serial: int,
) -> None:
    """Of any year, after names and numbers of any length, with words around."""
    issuer = x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, name)]
        + [x509.NameAttribute(NameOID.ORGANIZATION_NAME, name)] * organizations
    )
    builder = x509.CertificateBuilder(issuer, issuer, _KEY.public_key(), serial).not_valid_before(_FIRST)
    found = [builder.not_valid_after(_FIRST + age).sign(_KEY, SHA256()) for age in ages]
    path = tmp_path_factory.getbasetemp() / "any.pem"
    path.write_bytes(b"".join(b"# a CA\n" + each.public_bytes(Encoding.PEM) for each in found))
    expected = {each.not_valid_after_utc.timestamp() for each in found}
    assert (expiry_of(path, EARLIEST), expiry_of(path, LATEST)) == (min(expected), max(expected))


@given(cut=st.integers(0, 400), at=st.integers(0, 399), byte=st.integers(0, 255))
def test_whatever_is_in_it(tmp_path_factory: pytest.TempPathFactory, cut: int, at: int, byte: int) -> None:
    """Nothing fails."""
    der = bytearray(_DER)
    der[at % len(der)] = byte
    path = tmp_path_factory.getbasetemp() / "bad.pem"
    path.write_text(ssl.DER_cert_to_PEM_cert(bytes(der[:cut])))
    assert isinstance(expiry_of(path, EARLIEST), float)


@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_unknown(tmp_path: Path, content: bytes | None) -> None:
    """What can't be read is not known, and nothing fails."""
    if content is not None:
        (tmp_path / "file").write_bytes(content)
    assert isnan(expiry_of(tmp_path / "file", EARLIEST))


def test_rotation(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any request, a new certificate's end is shown."""
    monkeypatch.setattr("tenantproxy.transport.tls.CHECK_SECONDS", 0)
    authority = Authority()
    (folder / "ca/ca.crt").write_text(authority.pem)
    install(folder, authority.issue("client", days=5))
    files = TlsFiles(Tls(ca=True, client_certificate=True), folder)
    files.check()
    assert {"client-certificate", "ca"} == files.expiries().keys()
    assert days(files.expiries()["client-certificate"]) == 5
    install(folder, authority.issue("client", days=90))
    assert days(files.expiries()["client-certificate"]) == 90


def test_none(tmp_path: Path) -> None:
    """Without certificates of its own there is nothing to show."""
    files = TlsFiles(Tls(), tmp_path)
    files.check()
    assert files.expiries() == {}


async def test_metrics_of_a_proxy(folder: Path) -> None:
    """A running proxy shows all that it knows to expire: its certificates, and its bearer token."""
    authority = Authority()
    tls = folder / "tls"
    for name in ("ca", "client"):
        (tls / name).mkdir(parents=True)
    (tls / "ca/ca.crt").write_text(authority.pem)
    install(tls, authority.issue("client", days=5))
    configuration = proxy_config("https://127.0.0.1:9/api/v1", tls={"ca": True, "clientCertificate": True})
    token = tokens.machine_token("T-acme", exp=1_800_000_000)
    async with running_proxy(configuration, folder, {"bearerToken": token}) as proxy:
        found = {
            of: await proxy.metric(f'tenantproxy_expiry_timestamp_seconds{{of="{of}"}}')
            for of in ("client-certificate", "ca", "credential")
        }
    assert found["credential"] == 1_800_000_000
    assert days(found["client-certificate"] or 0) == 5
    assert days(found["ca"] or 0) > 0
