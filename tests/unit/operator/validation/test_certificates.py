"""Checks of the Secrets of `spec.upstream.tls`."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from support.certificates import Authority, pem_of
from tenantproxy_operator.validation.certificates import check_ca, check_client_certificate

_CA = Authority()
_PAIR = _CA.issue("client")
_OTHER = _CA.issue("other")
_BROKEN = _CA.pem.replace("MII", "NII")
_NOT_CERTIFICATES = "holds no PEM certificate, or a malformed one"
_MISSING = "is missing or empty; set it"


@pytest.mark.parametrize("pem", [_CA.pem, f"# of Größe AG\n{_CA.pem}\n# the next one\n{Authority().pem}"])
def test_good_ca(pem: str) -> None:
    """One CA or several, with comments between them, can be used; other keys are nobody's business."""
    assert check_ca({"ca.crt": pem, "tls.key": "x"}) == []


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        ({}, _MISSING),
        ({"ca.crt": " \n"}, _MISSING),
        ({"ca.crt": "M4RKED"}, _NOT_CERTIFICATES),
        ({"ca.crt": "M4RKED ü"}, _NOT_CERTIFICATES),
        ({"ca.crt": _BROKEN}, _NOT_CERTIFICATES),
        ({"ca.crt": _CA.pem + _BROKEN}, _NOT_CERTIFICATES),
        ({"ca.crt": _PAIR.key}, _NOT_CERTIFICATES),
    ],
)
def test_bad_ca(data: dict[str, str], detail: str) -> None:
    """What OpenSSL can't load is refused, and nothing of it shown."""
    (error,) = check_ca(data)
    assert error.field == "ca.crt"
    assert error.detail.startswith(detail)
    assert "M4RKED" not in error.detail


def test_good_client_certificate() -> None:
    """The certificate comes first, then the chain."""
    assert check_client_certificate(_PAIR.tls_keys) == []
    assert check_client_certificate({"tls.crt": _PAIR.certificate + _CA.pem, "tls.key": _PAIR.key}) == []


@pytest.mark.parametrize(
    ("changes", "field", "detail"),
    [
        ({"tls.crt": ""}, "tls.crt", _MISSING),
        ({"tls.key": ""}, "tls.key", _MISSING),
        ({"tls.crt": _BROKEN}, "tls.crt", _NOT_CERTIFICATES),
        ({"tls.crt": "M4RKED"}, "tls.crt", _NOT_CERTIFICATES),
        ({"tls.crt": _CA.pem + _PAIR.certificate}, "tls.key", "does not match the first certificate"),
        ({"tls.key": _OTHER.key}, "tls.key", "does not match the first certificate"),
        ({"tls.key": "M4RKED"}, "tls.key", "is not a PEM private key"),
        ({"tls.key": _PAIR.certificate}, "tls.key", "is not a PEM private key"),
        ({"tls.key": _PAIR.key.replace("M", "N")}, "tls.key", "is not a PEM private key"),
        ({"tls.key": pem_of(ec.generate_private_key(ec.SECP256R1()), b"pw")}, "tls.key", "is encrypted; store it"),
    ],
)
def test_bad_client_certificate(changes: dict[str, str], field: str, detail: str) -> None:
    """Missing, broken or not fitting: said by key, without a byte of it."""
    data = _PAIR.tls_keys | changes
    (error,) = check_client_certificate(data)
    assert error.field == field
    assert error.detail.startswith(detail)
    assert "M4RKED" not in error.detail
    assert not any(line in error.detail for line in data["tls.key"].splitlines() if not line.startswith("-"))
