"""The table of credential kinds: what holds of every row, and what a new kind takes: its class, and a row."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import pytest

from support.proxy import tokens
from support.proxy.oms import RawServer, answering, http
from support.proxy.running import BASIC, proxy_config, running_proxy
from support.proxy.signature import Signature
from tenantproxy.config import CredentialType
from tenantproxy.credentials.base import Credential, CredentialError, StaticCredential
from tenantproxy.credentials.formats import from_request, from_secret, to_secret
from tenantproxy.credentials.kinds import KINDS, credential_keys, keys_in_words, required_in_words, types_in_words
from tenantproxy.credentials.stores.files import read_keys

ALL_KINDS = [pytest.param(kind, id=kind.type) for kind in KINDS.values()]


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_every_kind_is_whole(kind: type[Credential]) -> None:
    """From its required keys it becomes a credential, which goes to a Secret and a PUT and comes back."""
    given = dict.fromkeys(kind.required_keys, "M4RKED")
    credential = kind.parse(given)
    assert KINDS[kind.type] is type(credential)
    assert from_secret(given) == from_secret(to_secret(credential)) == credential
    assert from_request({"type": kind.type, "config": given}) == credential
    assert credential.to_keys() == given
    assert credential.with_platform_keys({}) == credential
    assert (credential.token_url is None) is issubclass(kind, StaticCredential)
    assert "M4RKED" not in repr(credential) + str(credential)
    with pytest.raises(CredentialError) as caught:
        kind.parse({})
    assert [problem.field for problem in caught.value.errors] == list(kind.required_keys)


def test_no_key_is_of_two_kinds() -> None:
    """The keys of a Secret say which kind it holds, also without `type`."""
    keys = [key for kind in KINDS.values() for key in kind.all_keys()]
    assert len(keys) == len(set(keys))
    assert credential_keys() == {"type", *keys}
    assert all(kind.required_keys for kind in KINDS.values())


def test_words_made_of_the_table() -> None:
    """Messages and the custom resource's schema name every kind."""
    assert types_in_words() == "`basic`, `oauth2`, `bearer` or `apiKey`"
    assert required_in_words() == (
        "username and password, or clientId, clientSecret and authUrl, or bearerToken, "
        "or headerName and headerValue"
    )
    assert keys_in_words() == (
        "username and password, or clientId, clientSecret, authUrl and optionally scope, audience, clientAuth, "
        "tokenHeader, extraParams, or bearerToken, "
        "or headerName, headerValue and optionally secondHeaderName, secondHeaderValue"
    )


def test_the_configuration_names_every_type() -> None:
    """What `auth.allowedTypes` may hold are the types that there are."""
    assert get_args(CredentialType) == tuple(KINDS)


# ---- a kind that does not exist


@pytest.fixture
def with_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have one more row in the table."""
    monkeypatch.setitem(KINDS, Signature.type, Signature)


def keys_of(oms: RawServer) -> list[tuple[str | None, str | None]]:
    """Return what authorized each request that the OMS got."""
    return [(it.headers.get("x-signature"), it.headers.get("authorization")) for it in oms.received]


@pytest.mark.usefixtures("with_signature")
async def test_a_new_kind_is_read_stored_used_and_shown(
    oms: RawServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """From its Secret and from a PUT, into requests, metrics and the audit log; Basic goes on beside it."""
    config = proxy_config(oms.url, access=tokens.access(tmp_path, mode="trusted"))
    async with running_proxy(config, tmp_path, {"signature": "M4RKED-1"}) as proxy:
        assert (await proxy.get()).status == 200
        answer = await proxy.put(
            {"type": "signature", "config": {"signature": "M4RKED-2"}}, headers=tokens.admin()
        )
        assert answer.status == 204
        assert read_keys(proxy.credentials) == {"type": "signature", "signature": "M4RKED-2"}
        assert (await proxy.get()).status == 200
        for name in KINDS:
            shown = await proxy.metric(f'tenantproxy_credentials_info{{type="{name}"}}')
            assert shown == (1 if name == "signature" else 0)
        await proxy.put({"type": "basic", "config": BASIC}, headers=tokens.admin())
        assert read_keys(proxy.credentials) == {"type": "basic", **BASIC}
        assert (await proxy.get()).status == 200
    assert keys_of(oms) == [("M4RKED-1", None), ("M4RKED-2", None), (None, "Basic dXNlcjpyaWdodA==")]
    audited = [record.__dict__["fields"] for record in caplog.records if record.name == "tenantproxy.audit"]
    assert [line["type"] for line in audited] == ["signature", "basic"]
    assert "M4RKED" not in caplog.text


@pytest.mark.usefixtures("with_signature")
async def test_a_rejected_key_of_a_new_kind_has_its_cooldown(oms: RawServer, tmp_path: Path) -> None:
    """The OMS is spared it, as any other, until another one is set."""
    oms.play = answering(http(401))
    async with running_proxy(proxy_config(oms.url), tmp_path, {"signature": "wrong"}) as proxy:
        assert [(await proxy.get()).code for _ in range(3)] == ["upstream-rejected-credentials"] * 3
        assert keys_of(oms) == [("wrong", None)]
        await proxy.change_keys({"signature": "other"})
        await proxy.get()
        assert keys_of(oms) == [("wrong", None), ("other", None)]


@pytest.mark.usefixtures("with_signature")
@pytest.mark.parametrize(
    ("body", "pointer", "detail"),
    [
        ({"type": "signature", "config": {}}, "/config/signature", "is missing or empty; set it"),
        (
            {"type": "signature", "config": {"signature": "a\n"}},
            "/config/signature",
            "contains a control character; remove it",
        ),
        (
            {"type": "signature", "config": {"signature": "a", "password": "b"}},
            "/config/password",
            "is not a field of type",
        ),
        ({"type": "mtls", "config": {}}, "/type", "must be `basic`, `oauth2`, `bearer`, `apiKey` or `signature`"),
    ],
)
async def test_bad_fields_of_a_new_kind_are_pointed_at(
    oms: RawServer, tmp_path: Path, body: Any, pointer: str, detail: str
) -> None:
    """By the words that all kinds share."""
    config = proxy_config(oms.url, access=tokens.access(tmp_path, mode="trusted"))
    async with running_proxy(config, tmp_path, BASIC) as proxy:
        answer = await proxy.put(body, headers=tokens.admin())
        (error,) = answer.json["errors"]
        assert error["pointer"] == pointer
        assert detail in error["detail"]


@pytest.mark.usefixtures("with_signature")
@pytest.mark.parametrize("other", [BASIC, {"clientId": "c"}], ids=["basic", "oauth2"])
def test_keys_of_two_kinds_are_refused(other: Mapping[str, str]) -> None:
    """A Secret in transition from one kind to another is named, not guessed."""
    with pytest.raises(CredentialError, match="can't be combined with keys of another type"):
        from_secret({"signature": "a", **other})
    with pytest.raises(CredentialError, match="`signature` does not belong to `type` `basic`"):
        from_secret({"signature": "a", "type": "basic"})
    assert "or signature" in required_in_words()
    assert "or signature" in keys_in_words()
