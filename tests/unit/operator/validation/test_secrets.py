"""Checks of Secrets: key, problem and fix, and never a value."""

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.apiserver.objects import partial
from support.certificates import Authority
from support.operator.manifests import params
from support.proxy.signature import Signature
from tenantproxy.credentials.kinds import KINDS, credential_keys
from tenantproxy_operator.api.reasons import Reason
from tenantproxy_operator.api.resource import TenantProxy
from tenantproxy_operator.kube.objects import SecretContent
from tenantproxy_operator.settings import Settings
from tenantproxy_operator.validation.secrets import (
    SecretCheck,
    check_ca_secret,
    check_client_certificate_secret,
    check_credentials_secret,
)

CA = Authority()
PAIR = CA.issue("client")
OAUTH2 = {"clientId": "c", "clientSecret": "M4RKED", "authUrl": "https://idp.example/token"}
BASIC = {"username": "u", "password": "M4RKED"}
API_KEY = {
    "headerName": "X-VTEX-API-AppKey",
    "headerValue": "M4RKED-1",
    "secondHeaderName": "X-VTEX-API-AppToken",
    "secondHeaderValue": "M4RKED-2",
}
TENANT = params().resource
PLATFORM = params({"spec.auth": {"management": "platform"}}).resource


def secret(data: dict[str, str | bytes], **more: Any) -> SecretContent:
    """Return a Secret with these decoded values."""
    raw = {key: value.encode() if isinstance(value, str) else value for key, value in data.items()}
    encoded = {key: base64.b64encode(value).decode() for key, value in raw.items()}
    return SecretContent(metadata=partial("t-credentials").metadata, data=encoded, **more)


def judged(data: dict[str, str | bytes] | None, resource: TenantProxy = TENANT) -> SecretCheck:
    return check_credentials_secret(None if data is None else secret(data), resource, Settings())


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (BASIC, "basic"),
        (OAUTH2, "oauth2"),
        (BASIC | {"type": "basic"}, "basic"),
        (OAUTH2 | {"type": "oauth2", "scope": "a b", "audience": "x", "extraParams": '{"a": "b"}'}, "oauth2"),
        (BASIC | {"of-somebody-else": b"\xff\xfe"}, "basic"),
        ({"username": "sk_M4RKED", "password": ""}, "basic"),
        ({"bearerToken": "M4RKED\n"}, "bearer"),
        (API_KEY, "apiKey"),
        ({"headerName": "X-Shopify-Access-Token", "headerValue": "M4RKED"}, "apiKey"),
        ({"username": "ü", "password": "пароль\n"}, "basic"),
    ],
)
def test_good(data: dict[str, str | bytes], kind: str) -> None:
    """All kinds, with and without their type; keys that are not ours may hold anything."""
    check = judged(data)
    assert (check.usable, check.reason, check.type) == (True, Reason.CREDENTIALS_SET, kind)
    assert check.message == f"Secret t-credentials holds a well-formed credential ({kind})"
    assert check.fingerprint


@pytest.mark.parametrize(
    ("data", "reason", "words"),
    [
        (None, Reason.SECRET_MISSING, "Secret t-credentials does not exist; "),
        ({}, Reason.CREDENTIALS_MISSING, "Secret t-credentials holds no credential yet; "),
        ({"other": "x", "username": ""}, Reason.CREDENTIALS_MISSING, "holds no credential yet"),
        ({"username": "u"}, Reason.CREDENTIALS_INVALID, "`password` is missing; set it"),
        (BASIC | OAUTH2, Reason.CREDENTIALS_INVALID, "can't be combined with keys of another type"),
        (BASIC | {"type": "oauth2"}, Reason.CREDENTIALS_INVALID, "`password` does not belong to `type` `oauth2`"),
        (
            BASIC | {"type": "M4RKED"},
            Reason.CREDENTIALS_INVALID,
            "`type` is unknown; use `basic`, `oauth2`,",
        ),
        (BASIC | {"password": b"M4RKED\xff"}, Reason.CREDENTIALS_INVALID, "`password` is not text in UTF-8"),
        (BASIC | {"password": "M4RKED\tx"}, Reason.CREDENTIALS_INVALID, "`password` contains a control character"),
        (OAUTH2 | {"authUrl": "http://M4RKED.example"}, Reason.CREDENTIALS_INVALID, "`authUrl` is plain http"),
        (OAUTH2 | {"authUrl": "https://127.0.0.1/M4RKED"}, Reason.CREDENTIALS_INVALID, "`authUrl` "),
        (OAUTH2 | {"extraParams": "M4RKED"}, Reason.CREDENTIALS_INVALID, "`extraParams` must be a JSON object"),
        (OAUTH2 | {"clientAuth": "M4RKED"}, Reason.CREDENTIALS_INVALID, "`clientAuth` must be one of"),
        (
            {"bearerToken": "M4RKED x"},
            Reason.CREDENTIALS_INVALID,
            "`bearerToken` has other characters",
        ),
        (API_KEY | {"headerName": "M4RKED:"}, Reason.CREDENTIALS_INVALID, "`headerName` is not a header's name"),
        (API_KEY | BASIC, Reason.CREDENTIALS_INVALID, "can't be combined with keys of another type"),
    ],
)
def test_bad(data: dict[str, str | bytes] | None, reason: str, words: str) -> None:
    """A Secret that is missing, empty or wrong: said by key, with the fix."""
    for resource in (TENANT, PLATFORM):
        check = judged(data, resource)
        assert (check.usable, check.reason, check.type) == (False, reason, None)
        assert words in check.message
        assert check.fingerprint == b""
        assert "M4RKED" not in check.message


def test_all_that_is_wrong_is_said() -> None:
    """Nobody has to correct one key after the other."""
    message = judged({"clientId": b"\xff", "clientSecret": b"\xff", "authUrl": "x"}).message
    assert "`clientId` is not text" in message
    assert "`clientSecret` is not text" in message


def test_who_has_to_act() -> None:
    """With `management: tenant` a tenant's admin can, with `platform` only who writes the Secret."""
    assert "the operator creates it shortly" in judged(None).message
    assert "create it with External Secrets or kubectl" in judged(None, PLATFORM).message
    assert "PUT /api/v1/proxy-config" in judged({}).message
    assert "PUT" not in judged({}, PLATFORM).message


def test_the_type_of_the_secret_does_not_matter() -> None:
    """Its keys do: External Secrets and others choose a type of their own."""
    check = check_credentials_secret(secret({**BASIC}, type="kubernetes.io/basic-auth"), TENANT, Settings())
    assert check.usable


def test_fingerprints() -> None:
    """The same credential has the same, another one, of either kind, another; a change of other keys is none."""
    same = judged({**BASIC, "type": "basic", "other": "x"})
    assert judged({**BASIC}).fingerprint == same.fingerprint
    others = [{**BASIC, "password": "x"}, {**BASIC, "username": "x"}, {**OAUTH2}, {**OAUTH2, "scope": "s"}]
    assert len({same.fingerprint, *(judged({**each}).fingerprint for each in others)}) == 5


MARK = "S3cr3tMARK"
KEYS = sorted(credential_keys() | {"ca.crt", "tls.crt", "tls.key", "other"})
VALUES = st.tuples(st.binary(max_size=6), st.binary(max_size=6)).map(
    lambda around: around[0] + MARK.encode() + around[1]
)


@given(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=6))
def test_no_value_in_any_message(data: dict[str, bytes]) -> None:
    """Whatever a Secret holds, nothing of it is said."""
    content = secret({**data})
    checks = [
        check_credentials_secret(content, TENANT, Settings()),
        check_credentials_secret(content, PLATFORM, Settings()),
        check_ca_secret(content, "s"),
        check_client_certificate_secret(content, "s"),
    ]
    assert MARK not in f"{checks}"
    for value in data.values():
        encoded = base64.b64encode(value).decode()
        assert all(encoded not in check.message for check in checks)


CA_FIELD = "spec.upstream.tls.caSecretRef"
CLIENT_FIELD = "spec.upstream.tls.clientCertificateSecretRef"


def test_tls_secrets_that_can_be_used() -> None:
    """The keys that matter, whatever else is there."""
    assert check_ca_secret(secret({"ca.crt": CA.pem, "tls.key": b"\xff"}), "s").usable
    assert check_client_certificate_secret(secret({**PAIR.tls_keys, "ca.crt": b"\xff"}), "s").usable


def test_tls_secrets_that_are_missing() -> None:
    """What to create is said: keys and field."""
    ca, client = check_ca_secret(None, "s"), check_client_certificate_secret(None, "s")
    assert (ca.usable, ca.reason) == (client.usable, client.reason) == (False, Reason.TLS_SECRET_MISSING)
    assert ca.message == f"{CA_FIELD}: Secret s does not exist; create it with ca.crt, or remove the field"
    assert client.message == (
        f"{CLIENT_FIELD}: Secret s does not exist; create it with tls.crt and tls.key, or remove the field"
    )


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({}, "`ca.crt` is missing or empty"),
        ({"ca.crt": "M4RKED"}, "`ca.crt` holds no PEM certificate"),
        ({"ca.crt": b"\xffM4RKED"}, "`ca.crt` is not text in UTF-8"),
    ],
)
def test_bad_ca(data: dict[str, str | bytes], words: str) -> None:
    """A broken CA is refused before any proxy gets it."""
    check = check_ca_secret(secret(data), "s")
    assert (check.usable, check.reason) == (False, Reason.TLS_SECRET_INVALID)
    assert check.message.startswith(f"{CA_FIELD}: Secret s: {words}")
    assert "M4RKED" not in check.message


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({}, "`tls.crt` is missing or empty; set it, in PEM; `tls.key` is missing or empty"),
        ({"tls.crt": PAIR.certificate, "tls.key": "M4RKED"}, "`tls.key` is not a PEM private key"),
        (
            {"tls.crt": PAIR.certificate, "tls.key": CA.issue("x").key},
            "`tls.key` does not match the first certificate",
        ),
        ({"tls.crt": b"\xff", "tls.key": PAIR.key}, "`tls.crt` is not text in UTF-8"),
    ],
)
def test_bad_client_certificate(data: dict[str, str | bytes], words: str) -> None:
    """So is a client certificate, or a key that is another's."""
    check = check_client_certificate_secret(secret(data), "s")
    assert (check.usable, check.reason) == (False, Reason.TLS_SECRET_INVALID)
    assert check.message.startswith(f"{CLIENT_FIELD}: Secret s: {words}")
    assert "M4RKED" not in check.message
    assert "PRIVATE KEY-----\nM" not in check.message


def test_a_new_kind_of_credential_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row in the proxy's table is all that it takes; what is missing is said in the table's words."""
    monkeypatch.setitem(KINDS, Signature.type, Signature)
    check = judged({"signature": "M4RKED"})
    assert (check.usable, check.type) == (True, "signature")
    assert check.message == "Secret t-credentials holds a well-formed credential (signature)"
    assert "headerName and headerValue, or signature, in it" in judged({}, PLATFORM).message
    assert "`signature` contains a control character" in judged({"signature": "M4RKED\x7f"}).message
