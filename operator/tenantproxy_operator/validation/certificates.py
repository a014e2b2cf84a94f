"""Verdicts on the Secrets that `spec.upstream.tls` refers to; pure. No message holds a byte of them."""

import ssl
from collections.abc import Mapping
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificates

from tenantproxy.errors import FieldProblem
from tenantproxy_operator.api.upstream import CA_KEYS, CLIENT_CERTIFICATE_KEYS


def check_ca(data: Mapping[str, str]) -> list[FieldProblem]:
    """Return what is wrong with a Secret of CA certificates; `field` is one of its keys."""
    if missing := _missing(data, CA_KEYS):
        return missing
    pem = data["ca.crt"].encode("ascii", "replace").decode()  # between certificates may be any text
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=pem)
    except ssl.SSLError:
        return [FieldProblem("ca.crt", _NOT_CERTIFICATES)]
    return []


def check_client_certificate(data: Mapping[str, str]) -> list[FieldProblem]:
    """Return what is wrong with a Secret of a client certificate; `field` is one of its keys."""
    if missing := _missing(data, CLIENT_CERTIFICATE_KEYS):
        return missing
    errors = []
    try:
        certificate = load_pem_x509_certificates(data["tls.crt"].encode())[0]
        certified = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        certified = None
        errors.append(FieldProblem("tls.crt", _NOT_CERTIFICATES))
    key = _private_key(data["tls.key"])
    if isinstance(key, FieldProblem):
        errors.append(key)
    elif certified is not None and key.public_key() != certified:
        detail = (
            "does not match the first certificate in tls.crt; set a key and a certificate that belong together"
        )
        errors.append(FieldProblem("tls.key", detail))
    return errors


_NOT_CERTIFICATES: Final = (
    "holds no PEM certificate, or a malformed one; use PEM blocks (`-----BEGIN CERTIFICATE-----`) only"
)


def _missing(data: Mapping[str, str], keys: tuple[str, ...]) -> list[FieldProblem]:
    return [
        FieldProblem(key, "is missing or empty; set it, in PEM") for key in keys if not data.get(key, "").strip()
    ]


def _private_key(pem: str) -> PrivateKeyTypes | FieldProblem:
    try:
        return load_pem_private_key(pem.encode(), password=None)
    except TypeError:
        return FieldProblem("tls.key", "is encrypted; store it unencrypted; passphrases are not supported")
    except (ValueError, UnsupportedAlgorithm):
        return FieldProblem("tls.key", "is not a PEM private key; use one `-----BEGIN PRIVATE KEY-----` block")
