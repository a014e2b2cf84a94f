"""A Secret's object: our keys out of it, a credential into it, and nothing else touched."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantproxy.config import Tenant
from tenantproxy.credentials.api_key import ApiKey
from tenantproxy.credentials.base import Credential, CredentialError
from tenantproxy.credentials.basic import Basic
from tenantproxy.credentials.bearer import Bearer
from tenantproxy.credentials.formats import from_secret
from tenantproxy.credentials.kinds import credential_keys
from tenantproxy.credentials.oauth2.credential import OAuth2
from tenantproxy.credentials.stores.secret import KEPT_FOR, TENANT_ID, Secret, SecretError
from tenantproxy_operator.api.labels import INSTANCE

BASIC = Basic(username="user", password="pä:ss")
OAUTH2 = OAuth2(client_id="id", client_secret="secret", auth_url="https://idp.example/token")
EVERY_TYPE = (
    *(BASIC, OAUTH2, Basic(username="sk_1", password=""), Bearer(bearer_token="t")),
    ApiKey(header_name="X-Key", header_value="k", second_header_name="X-Token", second_header_value="t"),
)


def b64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def document(data: dict[str, bytes] | None, **more: Any) -> bytes:
    encoded = None if data is None else {key: b64(value) for key, value in data.items()}
    return json.dumps({"metadata": {"resourceVersion": "1"}, "data": encoded, **more}).encode()


def test_our_keys_are_read_and_others_are_not() -> None:
    """What belongs to somebody else is not even decoded."""
    secret = Secret(document({"username": b"u", "password": b"p", "keystore.jks": b"\xff\xfe"}))
    assert secret.keys() == {"username": "u", "password": "p"}


@pytest.mark.parametrize("data", ["absent", None, {}])
@pytest.mark.parametrize("credential", EVERY_TYPE, ids=lambda it: type(it).__name__)
def test_a_secret_without_data(data: Any, credential: Credential) -> None:
    """It holds no credential, and takes one of any type."""
    parts = {"metadata": {}} | ({} if data == "absent" else {"data": data})
    secret = Secret(json.dumps(parts).encode())
    assert secret.keys() == {}
    replaced = secret.replaced(credential)
    assert replaced is not None
    assert from_secret(Secret(replaced).keys()) == credential


def test_a_value_that_is_not_text_is_no_credential() -> None:
    """It is named, not quoted, and does not hide the other keys."""
    keys = Secret(document({"username": b"u", "password": b"MARKED\xff"})).keys()
    with pytest.raises(CredentialError, match="`password` is not valid Unicode text") as caught:
        from_secret(keys)
    assert "MARKED" not in str(caught.value)


FOREIGN = st.dictionaries(
    st.from_regex(r"[-._a-zA-Z0-9]{1,20}", fullmatch=True).filter(lambda key: key not in credential_keys()),
    st.binary(max_size=50),
    max_size=5,
)
OURS = st.dictionaries(st.sampled_from(sorted(credential_keys())), st.binary(max_size=20))
MORE = st.dictionaries(
    st.text(min_size=1, max_size=10).filter(lambda key: key not in {"metadata", "data", "immutable"}),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    ),
    max_size=4,
)


@given(FOREIGN, OURS, MORE, st.sampled_from([BASIC, OAUTH2]))
def test_all_that_is_not_ours_survives(
    foreign: dict[str, bytes], ours: dict[str, bytes], more: dict[str, Any], credential: Basic | OAuth2
) -> None:
    """Others' keys, whatever bytes they hold, and all other parts of the object, also unknown ones."""
    before = document(foreign | ours, **more)
    after = Secret(before).replaced(credential) or before
    parsed = json.loads(after)
    data = parsed.pop("data")
    assert parsed == {key: value for key, value in json.loads(before).items() if key != "data"}
    assert {key: base64.b64decode(value) for key, value in data.items() if key not in credential_keys()} == foreign
    kept = {"extraParams"} if isinstance(credential, OAuth2) and "extraParams" in ours else set()
    own = (
        {"type", "username", "password"}
        if isinstance(credential, Basic)
        else {"type", "clientId", "clientSecret", "authUrl"}
    )
    assert credential_keys() & data.keys() == own | kept


def test_numbers_are_kept_as_they_were_written() -> None:
    """Nothing is parsed that need not be."""
    text = b'{"metadata":{"big":123456789012345678901234567890,"float":1.10},"data":null}'
    replaced = Secret(text).replaced(BASIC)
    assert replaced is not None
    assert b'{"big":123456789012345678901234567890,"float":1.10}' in replaced


@pytest.mark.parametrize("credential", [BASIC, OAUTH2])
def test_a_credential_that_is_there_need_not_be_written(credential: Basic | OAuth2) -> None:
    """Replacing it by itself is no change."""
    replaced = Secret(document({"other": b"\xff"})).replaced(credential)
    assert replaced is not None
    assert Secret(replaced).replaced(credential) is None


KEEPER = Tenant(id="T-1", name="acme")
OWNER = {
    "apiVersion": "proxy.hiiretail.com/v1",
    "kind": "TenantProxy",
    "name": "acme",
    "uid": "u",
    "controller": True,
}
MADE = {"resourceVersion": "1", "labels": {INSTANCE: "acme", "a": "b"}, "annotations": {"c": "d"}, "x": 1}


def test_a_set_credential_is_kept() -> None:
    """The operator's own Secret gives up its owner, and says whose it is; the rest of its metadata stays."""
    other = {"apiVersion": "v1", "kind": "ConfigMap", "name": "acme", "uid": "v"}
    secret = Secret(document({}, metadata=MADE | {"ownerReferences": [other, OWNER]}))
    replaced = secret.replaced(BASIC, KEEPER)
    assert replaced is not None
    assert json.loads(replaced)["metadata"] == {
        "resourceVersion": "1",
        "labels": {KEPT_FOR: "acme", "a": "b"},
        "annotations": {"c": "d", TENANT_ID: "T-1"},
        "ownerReferences": [other],
        "x": 1,
    }
    assert Secret(replaced).tenant_id == "T-1"
    assert Secret(replaced).replaced(BASIC, KEEPER) is None
    again = Secret(replaced).replaced(OAUTH2, KEEPER)
    assert again is not None
    assert json.loads(again)["metadata"] == json.loads(replaced)["metadata"]


def test_a_credential_that_is_there_is_kept_when_it_is_set_again() -> None:
    """It was set by an earlier version, which left the owner there."""
    before = Secret(document({}, metadata=MADE | {"ownerReferences": [OWNER]})).replaced(BASIC)
    assert before is not None
    assert Secret(before).tenant_id is None
    after = Secret(before).replaced(BASIC, KEEPER)
    assert after is not None
    assert Secret(after).tenant_id == "T-1"


@pytest.mark.parametrize(
    "owners",
    [
        None,
        [],
        [OWNER | {"name": "other"}],
        [OWNER | {"kind": "Certificate"}],
        [OWNER | {"apiVersion": "example.com/v1"}],
        [OWNER | {"controller": False}],
        [1],
    ],
)
def test_what_the_operator_did_not_make_for_this_tenant_keeps_its_metadata(owners: list[Any] | None) -> None:
    """The user's own Secret, and one that another TenantProxy or another controller owns."""
    metadata = MADE | {"ownerReferences": owners}
    replaced = Secret(document({}, metadata=metadata)).replaced(BASIC, KEEPER)
    assert replaced is not None
    assert json.loads(replaced)["metadata"] == metadata


@pytest.mark.parametrize(
    ("text", "expected"), [(b"{}", False), (b'{"immutable": true}', True), (b'{"immutable" :false}', False)]
)
def test_immutability(text: bytes, *, expected: bool) -> None:
    """A Secret may forbid any change."""
    assert Secret(text).immutable is expected


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"metadata": []}',
        b'{"metadata": {"annotations": 1}}',
        b'{"data": []}',
        b'{"data": {"password": 1}}',
        b'{"data": {"password": "MARK!"}}',
    ],
)
def test_what_is_no_secret(text: bytes) -> None:
    """It is an error that quotes no value."""
    with pytest.raises(SecretError) as caught:
        Secret(text).keys()
    assert "MARK" not in str(caught.value)
