"""A tenant's credential: from a Secret's flat keys or the body of a PUT, and back; never shown."""

import base64
import itertools
import json
import re
from typing import Any
from urllib.parse import unquote_plus

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantproxy.credentials.api_key import ApiKey
from tenantproxy.credentials.base import Credential, CredentialError
from tenantproxy.credentials.basic import Basic, basic_authorization
from tenantproxy.credentials.bearer import Bearer
from tenantproxy.credentials.formats import completed, digest, from_request, from_secret, merged, to_secret
from tenantproxy.credentials.kinds import KINDS, credential_keys
from tenantproxy.credentials.oauth2.credential import OAuth2
from tenantproxy.credentials.oauth2.token_request import CLIENT_AUTHS

BASIC = {"username": "user", "password": "s3cret"}
OAUTH2 = {"clientId": "id", "clientSecret": "s3cret", "authUrl": "https://auth.example/token"}
OAUTH2_FULL = {
    **OAUTH2,
    "scope": "orders.read",
    "audience": "https://oms.example",
    "clientAuth": "client_secret_post",
    "tokenHeader": "X-Shopify-Access-Token",
    "extraParams": '{"resource": "urn:oms", "a": "b"}',
}
BEARER = {"bearerToken": "s3cret"}
API_KEY = {"headerName": "X-VTEX-API-AppKey", "headerValue": "vtexappkey-acme"}
API_KEYS = {**API_KEY, "secondHeaderName": "X-VTEX-API-AppToken", "secondHeaderValue": "s3cret"}
MARKED = "MARKED-s3cret"


def refused(data: dict[str, str]) -> list[tuple[str, str]]:
    with pytest.raises(CredentialError) as caught:
        from_secret(data)
    assert MARKED not in str(caught.value)
    return [(error.field, error.detail) for error in caught.value.errors]


# ---- Secrets

BASIC_CREDENTIAL = Basic(username="user", password="s3cret")
OAUTH2_CREDENTIAL = OAuth2(client_id="id", client_secret="s3cret", auth_url="https://auth.example/token")
API_KEY_CREDENTIAL = ApiKey(
    header_name="X-VTEX-API-AppKey",
    header_value="vtexappkey-acme",
    second_header_name="X-VTEX-API-AppToken",
    second_header_value="s3cret",
)

READABLE: dict[str, tuple[dict[str, str], Credential | None]] = {
    "basic": (BASIC, BASIC_CREDENTIAL),
    "basic with its type": ({"type": "basic", **BASIC}, BASIC_CREDENTIAL),
    "oauth2": (OAUTH2, OAUTH2_CREDENTIAL),
    "oauth2 with its type": ({"type": "oauth2", **OAUTH2}, OAUTH2_CREDENTIAL),
    "oauth2 with everything": (
        OAUTH2_FULL,
        OAuth2(
            client_id="id",
            client_secret="s3cret",
            auth_url="https://auth.example/token",
            scope="orders.read",
            audience="https://oms.example",
            client_auth="client_secret_post",
            extra_params=(("a", "b"), ("resource", "urn:oms")),
            token_header="X-Shopify-Access-Token",
        ),
    ),
    "client_secret_basic": (
        {**OAUTH2, "clientAuth": "client_secret_basic"},
        msgspec.structs.replace(OAUTH2_CREDENTIAL, client_auth="client_secret_basic"),
    ),
    "client_secret_json": (
        {**OAUTH2, "clientAuth": "client_secret_json"},
        msgspec.structs.replace(OAUTH2_CREDENTIAL, client_auth="client_secret_json"),
    ),
    "another scheme": (
        {**OAUTH2, "tokenHeader": "Authorization: Zoho-oauthtoken\n"},
        msgspec.structs.replace(OAUTH2_CREDENTIAL, token_header="Authorization: Zoho-oauthtoken"),
    ),
    "the usual header said": ({**OAUTH2, "tokenHeader": "Authorization: Bearer"}, OAUTH2_CREDENTIAL),
    "another grant": (
        {**OAUTH2, "extraParams": '{"grant_type": "password", "username": "u", "password": "p"}'},
        msgspec.structs.replace(
            OAUTH2_CREDENTIAL, extra_params=(("grant_type", "password"), ("password", "p"), ("username", "u"))
        ),
    ),
    "auto said": ({**OAUTH2, "clientAuth": "auto"}, OAUTH2_CREDENTIAL),
    "optional ones empty": ({**OAUTH2, "scope": "", "audience": "", "clientAuth": ""}, OAUTH2_CREDENTIAL),
    "keys of others": ({**BASIC, "tls.crt": "x", "owner": "ops", "Username": "y"}, BASIC_CREDENTIAL),
    "empty keys of the other kind": ({**BASIC, "clientId": "", "authUrl": ""}, BASIC_CREDENTIAL),
    "trailing newlines": ({key: f"{value}\n" for key, value in OAUTH2.items()}, OAUTH2_CREDENTIAL),
    "trailing CR LF": ({key: f"{value}\r\n" for key, value in BASIC.items()}, BASIC_CREDENTIAL),
    "type with a newline": ({"type": "basic\n", **BASIC}, BASIC_CREDENTIAL),
    "non-ASCII": (
        {"username": "Bj\u00f6rn", "password": "\U0001f511 \u00df"},
        Basic(username="Bj\u00f6rn", password="\U0001f511 \u00df"),
    ),
    "colon in the password": ({"username": "u", "password": "a:b"}, Basic(username="u", password="a:b")),
    "spaces are kept": ({"username": " u ", "password": " p "}, Basic(username=" u ", password=" p ")),
    "an empty password": ({"username": "sk_1", "password": ""}, Basic(username="sk_1", password="")),
    "a password of only a newline": ({"username": "sk_1", "password": "\n"}, Basic(username="sk_1", password="")),
    "a bearer token": (BEARER, Bearer(bearer_token="s3cret")),
    "a bearer token with its type": ({"type": "bearer", "bearerToken": "s3cret\n"}, Bearer(bearer_token="s3cret")),
    "one header": (API_KEY, ApiKey(header_name="X-VTEX-API-AppKey", header_value="vtexappkey-acme")),
    "one header, empty keys of a second": (
        {"type": "apiKey", **API_KEY, "secondHeaderName": "", "secondHeaderValue": ""},
        ApiKey(header_name="X-VTEX-API-AppKey", header_value="vtexappkey-acme"),
    ),
    "two headers": (API_KEYS, API_KEY_CREDENTIAL),
    "nothing": ({}, None),
    "only keys of others": ({"tls.crt": "x"}, None),
    "only empty keys": ({"username": "", "password": "", "type": ""}, None),
}


@pytest.mark.parametrize(("data", "expected"), READABLE.values(), ids=READABLE)
def test_secret_is_read(data: dict[str, str], expected: Credential | None) -> None:
    """A Secret's keys decide its type, `type` may say so too, and one without our keys is not configured."""
    assert from_secret(data) == expected


UNUSABLE: dict[str, tuple[dict[str, str], set[str]]] = {
    "no password": ({"username": "u"}, {"password"}),
    "no username": ({"password": MARKED}, {"username"}),
    "no client secret": ({"clientId": "i", "authUrl": "https://a.example"}, {"clientSecret"}),
    "only a client secret": ({"clientSecret": MARKED}, {"clientId", "authUrl"}),
    "only a scope": ({"scope": "s"}, {"clientId", "clientSecret", "authUrl"}),
    "only a type": ({"type": "basic"}, {"username", "password"}),
    "only the other type": ({"type": "oauth2"}, {"clientId", "clientSecret", "authUrl"}),
    "unknown type": ({"type": MARKED, **BASIC}, {"type"}),
    "type in upper case": ({"type": "BASIC", **BASIC}, {"type"}),
    "basic called oauth2": ({"type": "oauth2", **BASIC}, {"password"}),
    "oauth2 called basic": ({"type": "basic", **OAUTH2}, {"authUrl"}),
    "both kinds": ({**BASIC, **OAUTH2}, {"authUrl"}),
    "both kinds, with a type": ({"type": "basic", **BASIC, **OAUTH2}, {"authUrl"}),
    "username beside a client": ({**OAUTH2, "username": "u"}, {"authUrl"}),
    "scope beside a username": ({**BASIC, "scope": "s"}, {"scope"}),
    "unknown client authentication": ({**OAUTH2, "clientAuth": "private_key_jwt"}, {"clientAuth"}),
    "colon in the username": ({"username": f"a:{MARKED}", "password": "p"}, {"username"}),
    "newline inside": ({"username": "u", "password": f"a\n{MARKED}"}, {"password"}),
    "two trailing newlines": ({"username": "u", "password": f"{MARKED}\n\n"}, {"password"}),
    "NUL": ({"username": "u\0", "password": MARKED}, {"username"}),
    "DEL": ({**OAUTH2, "clientSecret": f"{MARKED}\x7f"}, {"clientSecret"}),
    "CR LF in the URL": ({**OAUTH2, "authUrl": "https://a.example/\r\nX: y"}, {"authUrl"}),
    "not Unicode": ({"username": "u", "password": "\udcff"}, {"password"}),
    "a colon that Basic can't carry": (
        {**OAUTH2, "clientId": "a:b", "clientAuth": "client_secret_basic_unencoded"},
        {"clientId"},
    ),
    "a token's header with CR LF": ({**OAUTH2, "tokenHeader": "X-Token\r\nX"}, {"tokenHeader"}),
    "a token's header of HTTP": ({**OAUTH2, "tokenHeader": "Host"}, {"tokenHeader"}),
    "the grant of a person": (
        {**OAUTH2, "extraParams": '{"grant_type": "authorization_code", "code": "x"}'},
        {"extraParams"},
    ),
    "extraParams is no JSON": ({**OAUTH2, "extraParams": MARKED}, {"extraParams"}),
    "extraParams is a list": ({**OAUTH2, "extraParams": '["a"]'}, {"extraParams"}),
    "extraParams has a number": ({**OAUTH2, "extraParams": '{"a": 1}'}, {"extraParams"}),
    "extraParams is deep": ({**OAUTH2, "extraParams": '{"a":' * 50_000}, {"extraParams"}),
    "extraParams is not Unicode": ({**OAUTH2, "extraParams": '{"a": "\\ud800"}'}, {"extraParams"}),
    "extraParams' name is not Unicode": ({**OAUTH2, "extraParams": '{"\\ud800": "a"}'}, {"extraParams"}),
    "a bearer token with a space": ({"bearerToken": f"a {MARKED}"}, {"bearerToken"}),
    "a bearer token with its scheme": ({"bearerToken": f"Bearer {MARKED}"}, {"bearerToken"}),
    "a bearer token of other characters": ({"bearerToken": f"\u00fc{MARKED}"}, {"bearerToken"}),
    "a bearer token that is too long": ({"bearerToken": "t" * 8193}, {"bearerToken"}),
    "a header without a value": ({"headerName": "X-Key"}, {"headerValue"}),
    "a value without a header": ({"headerValue": MARKED}, {"headerName"}),
    "a header's value with CR LF": ({**API_KEY, "headerValue": f"{MARKED}\r\nX: y"}, {"headerValue"}),
    "only a second header": (
        {"secondHeaderName": "X-Key", "secondHeaderValue": MARKED},
        {"headerName", "headerValue"},
    ),
    "a second header without a value": ({**API_KEY, "secondHeaderName": "X-Key"}, {"secondHeaderValue"}),
    "a second value without a header": ({**API_KEY, "secondHeaderValue": MARKED}, {"secondHeaderName"}),
    "the same header twice": ({**API_KEYS, "secondHeaderName": "x-vtex-api-appkey"}, {"secondHeaderName"}),
    "a bearer token beside a header": ({**BEARER, **API_KEY}, {"headerName"}),
    "all at once": ({"clientId": "\0", "clientAuth": "x"}, {"clientId", "clientSecret", "authUrl", "clientAuth"}),
}


@pytest.mark.parametrize(("data", "fields"), UNUSABLE.values(), ids=UNUSABLE)
def test_secret_is_refused(data: dict[str, str], fields: set[str]) -> None:
    """What can't be used is refused with all fields that are wrong, and with no value."""
    assert {field for field, _ in refused(data)} == fields


@pytest.mark.parametrize("name", ["client_id", "client_secret", "scope", "audience"])
def test_extra_params_can_not_replace_ours(name: str) -> None:
    """What has a key of its own can't be slipped in as an extra parameter."""
    ((field, detail),) = refused({**OAUTH2, "extraParams": json.dumps({name: MARKED})})
    assert field == "extraParams"
    assert f"`{name}`" in detail


@pytest.mark.parametrize(
    ("basic", "oauth2"),
    [
        (basic, oauth2)
        for basic in (("username",), ("password",), ("username", "password"))
        for oauth2 in itertools.chain(((key,) for key in OAUTH2_FULL), (tuple(OAUTH2_FULL),))
    ],
    ids="+".join,
)
def test_kinds_do_not_mix(basic: tuple[str, ...], oauth2: tuple[str, ...]) -> None:
    """Any key of one kind beside any of the other is refused, and all of them are named."""
    data = {key: BASIC[key] for key in basic} | {key: OAUTH2_FULL[key] for key in oauth2}
    ((_, detail),) = refused(data)
    assert set(re.findall(r"`(\w+)`", detail)) == {*basic, *oauth2}


def test_problem_says_the_fix() -> None:
    """The message names each field and what to do, for the person who filled the Secret."""
    with pytest.raises(CredentialError, match=r"^`password` is missing; set it, to an empty text if \w+"):
        from_secret({"username": "u"})


# ---- strategies

_text = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=12)
_usernames = _text.filter(lambda text: ":" not in text)
_params = st.dictionaries(_text.filter(lambda name: "_" not in name and name not in ("scope", "audience")), _text)
_basics = st.builds(Basic, username=_usernames, password=_text | st.just(""))
_oauth2s = st.builds(
    OAuth2,
    client_id=_text,
    client_secret=_text,
    auth_url=_text,
    scope=st.none() | _text,
    audience=st.none() | _text,
    client_auth=st.sampled_from(CLIENT_AUTHS),
    token_header=st.sampled_from(["Authorization: Bearer", "Authorization: OAuth", "Authorization", "X-Token"]),
).filter(lambda it: ":" not in it.client_id or it.client_auth != "client_secret_basic_unencoded")
_visible = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=12)
_names = st.from_regex(r"X-[A-Za-z0-9-]{1,12}", fullmatch=True)
_bearers = st.builds(Bearer, bearer_token=_visible)
_api_keys = st.builds(ApiKey, header_name=_names, header_value=_visible) | st.builds(
    ApiKey,
    header_name=_names,
    header_value=_visible,
    second_header_name=_names.map(lambda name: f"Second-{name}"),
    second_header_value=_visible,
)
_credentials = _basics | _oauth2s | _bearers | _api_keys
_others = st.dictionaries(_text.filter(lambda key: key not in credential_keys()), st.text(max_size=5), max_size=4)
_ours = st.dictionaries(st.sampled_from(sorted(credential_keys() - {"extraParams"})), st.text(max_size=5))


@given(credential=_credentials)
def test_round_trip(credential: Credential) -> None:
    """A credential is the same after it was stored and read."""
    data = to_secret(credential)
    assert from_secret(data) == credential
    assert data["type"] == credential.type
    assert data.keys() <= credential_keys()


@given(credential=_credentials, others=_others, ours=_ours, params=st.none() | _params)
def test_merging_replaces_only_ours(
    credential: Credential, others: dict[str, str], ours: dict[str, str], params: dict[str, str] | None
) -> None:
    """Whatever was there: the new credential is complete, others' keys stay, and no old key of ours does."""
    extra = {} if params is None else {"extraParams": json.dumps(params)}
    result = merged({**others, **ours, **extra}, credential)
    assert {key: value for key, value in result.items() if key not in credential_keys()} == others
    kept = extra if isinstance(credential, OAuth2) else {}
    assert {key: value for key, value in result.items() if key in credential_keys()} == to_secret(
        credential
    ) | kept
    found = from_secret(result)
    if isinstance(credential, OAuth2):
        credential = msgspec.structs.replace(credential, extra_params=tuple(sorted((params or {}).items())))
    assert found == credential


def test_merging_drops_the_other_kind() -> None:
    """Changing the type leaves no key of the old one, `extraParams` neither, beside the new one's."""
    assert merged({**OAUTH2_FULL, "owner": "ops"}, BASIC_CREDENTIAL) == {"type": "basic", **BASIC, "owner": "ops"}
    assert merged({"type": "basic", **BASIC}, OAUTH2_CREDENTIAL) == {"type": "oauth2", **OAUTH2}


def test_merging_drops_optional_keys() -> None:
    """A PUT without the optional keys unsets them; only `extraParams` is the platform's."""
    result = merged(OAUTH2_FULL, OAUTH2_CREDENTIAL)
    assert result == {"type": "oauth2", **OAUTH2, "extraParams": OAUTH2_FULL["extraParams"]}


# ---- bodies of a PUT


def put_errors(body: Any) -> list[str]:
    with pytest.raises(CredentialError) as caught:
        from_request(body)
    assert MARKED not in str(caught.value)
    return sorted(error.field for error in caught.value.errors)


def basic_body(**config: Any) -> dict[str, Any]:
    return {"type": "basic", "config": {**BASIC, **config}}


def oauth2_body(**config: Any) -> dict[str, Any]:
    return {"type": "oauth2", "config": {**OAUTH2, **config}}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            {"type": "basic", "config": {"username": "admin", "password": "password"}},
            Basic(username="admin", password="password"),
        ),
        (
            {
                "type": "oauth2",
                "config": {
                    "clientId": "client_id",
                    "clientSecret": "client",
                    "authUrl": "https://example.com/token",
                },
            },
            OAuth2(client_id="client_id", client_secret="client", auth_url="https://example.com/token"),
        ),
        ({"type": "basic", "config": {"username": "sk_1", "password": ""}}, Basic(username="sk_1", password="")),
        ({"type": "bearer", "config": BEARER}, Bearer(bearer_token="s3cret")),
        ({"type": "apiKey", "config": API_KEYS}, API_KEY_CREDENTIAL),
        (
            oauth2_body(scope="a b", audience="x", clientAuth="client_secret_basic", tokenHeader="X-Token"),
            OAuth2(
                client_id="id",
                client_secret="s3cret",
                auth_url="https://auth.example/token",
                scope="a b",
                audience="x",
                client_auth="client_secret_basic",
                token_header="X-Token",
            ),
        ),
    ],
    ids=[
        *("documented basic", "documented oauth2", "basic without a password", "bearer", "apiKey"),
        "oauth2 with the optional fields",
    ],
)
def test_documented_bodies(body: dict[str, Any], expected: Credential) -> None:
    """The two documented bodies are taken, OAuth2 with the fields that we add, and our own types."""
    assert from_request(body) == expected


def test_body_is_taken_literally() -> None:
    """Unlike a Secret's file, a body has no newline that slipped in: one is refused, not dropped."""
    assert put_errors(basic_body(password=f"{MARKED}\n")) == ["/config/password"]


BODIES: dict[str, tuple[Any, list[str]]] = {
    "null": (None, [""]),
    "list": ([basic_body()], [""]),
    "text": (MARKED, [""]),
    "empty": ({}, ["/config", "/type"]),
    "no type": ({"config": BASIC}, ["/type"]),
    "no config": ({"type": "basic"}, ["/config"]),
    "type is a list": ({"type": ["basic"], "config": {}}, ["/type"]),
    "type in upper case": ({"type": "Basic", "config": BASIC}, ["/type"]),
    "unknown type": ({"type": MARKED, "config": BASIC}, ["/type"]),
    "config is null": ({"type": "basic", "config": None}, ["/config"]),
    "config is a list": ({"type": "basic", "config": [MARKED]}, ["/config"]),
    "unknown field beside": ({**basic_body(), "validate": True}, ["/validate"]),
    "unknown field": (basic_body(realm=MARKED), ["/config/realm"]),
    "unknown field to be escaped": (basic_body(**{"a/b~c": 1}), ["/config/a~1b~0c"]),
    "unknown field beside to be escaped": ({**basic_body(), "~/": 1}, ["/~0~1"]),
    "fields of the other type": (
        {"type": "basic", "config": {**BASIC, **OAUTH2}},
        ["/config/authUrl", "/config/clientId", "/config/clientSecret"],
    ),
    "basic with a scope": (basic_body(scope="s"), ["/config/scope"]),
    "oauth2 with a username": (oauth2_body(username="u"), ["/config/username"]),
    "extraParams is the platform's": (oauth2_body(extraParams="{}"), ["/config/extraParams"]),
    "type inside": (oauth2_body(type="oauth2"), ["/config/type"]),
    "username is a number": (basic_body(username=5), ["/config/username"]),
    "password is null": (basic_body(password=None), ["/config/password"]),
    "scope is null": (oauth2_body(scope=None), ["/config/scope"]),
    "scope is a list": (oauth2_body(scope=["a"]), ["/config/scope"]),
    "nothing inside": ({"type": "basic", "config": {}}, ["/config/password", "/config/username"]),
    "nothing inside, oauth2": (
        {"type": "oauth2", "config": {}},
        ["/config/authUrl", "/config/clientId", "/config/clientSecret"],
    ),
    "a bearer token with a newline": (
        {"type": "bearer", "config": {"bearerToken": f"{MARKED}\n"}},
        ["/config/bearerToken"],
    ),
    "a header of HTTP": (
        {"type": "apiKey", "config": {"headerName": "Host", "headerValue": MARKED}},
        ["/config/headerName"],
    ),
    "three headers": (
        {"type": "apiKey", "config": {**API_KEYS, "thirdHeaderName": "X-Key"}},
        ["/config/thirdHeaderName"],
    ),
    "control character": (basic_body(password=f"{MARKED}\r\nX: y"), ["/config/password"]),
    "colon in the username": (basic_body(username=f"a:{MARKED}"), ["/config/username"]),
    "unknown client authentication": (oauth2_body(clientAuth=MARKED), ["/config/clientAuth"]),
    "all at once": (
        {"type": "oauth2", "config": {"clientId": 1, "clientAuth": "x", "realm": "r"}},
        ["/config/authUrl", "/config/clientAuth", "/config/clientId", "/config/clientSecret", "/config/realm"],
    ),
}


@pytest.mark.parametrize(("body", "pointers"), BODIES.values(), ids=BODIES)
def test_body_is_refused(body: Any, pointers: list[str]) -> None:
    """All that is wrong with a body is said at once, each once, by pointers into it and without values."""
    assert put_errors(body) == pointers


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
_bodies = _json | st.fixed_dictionaries(
    {"type": st.sampled_from([*KINDS, "x"])},
    optional={
        "config": st.dictionaries(st.sampled_from(sorted(credential_keys())), _json | st.text(max_size=8)),
        "x": _json,
    },
)


@given(body=_bodies)
def test_any_body_is_a_credential_or_refused(body: Any) -> None:
    """Whatever JSON comes is either a credential that can be stored and read again, or refused by pointers."""
    try:
        credential = from_request(body)
    except CredentialError as error:
        refusal: CredentialError | None = error
    else:
        refusal = None
        assert from_secret(to_secret(credential)) == credential
    if refusal is not None:
        assert refusal.errors
        assert all(re.fullmatch(r"(/([^~/]|~[01])*)*", field, re.DOTALL) for field, _ in refusal.errors)
        assert len({field for field, _ in refusal.errors}) == len(refusal.errors)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"type": "bearer", "config": {"bearerToken": "q", "\ud800": "1"}}, "/config/?"),
        ({"\udc00/": 1, "type": "bearer", "config": {}}, "/?~1"),
    ],
)
def test_a_name_that_can_not_be_encoded(body: Any, pointer: str) -> None:
    """It is refused as any other; the pointer has a question mark in its place."""
    with pytest.raises(CredentialError) as refused:
        from_request(body)
    (error,) = refused.value.errors
    assert error.field == pointer
    error.field.encode()


# ---- what others see of it

BASES: dict[str, Credential] = {
    "basic": Basic(username="u", password="p"),
    "oauth2": OAuth2(client_id="i", client_secret="s", auth_url="https://a.example"),
    "bearer": Bearer(bearer_token="t"),
    "apiKey": API_KEY_CREDENTIAL,
}
CHANGES: dict[str, tuple[str, Any]] = {
    "username": ("basic", "other"),
    "password": ("basic", "other"),
    "client_id": ("oauth2", "other"),
    "client_secret": ("oauth2", "other"),
    "auth_url": ("oauth2", "https://b.example"),
    "scope": ("oauth2", "other"),
    "audience": ("oauth2", "other"),
    "client_auth": ("oauth2", "client_secret_post"),
    "extra_params": ("oauth2", (("a", "b"),)),
    "token_header": ("oauth2", "X-Token"),
    "bearer_token": ("bearer", "other"),
    "header_name": ("apiKey", "X-Other"),
    "header_value": ("apiKey", "other"),
    "second_header_name": ("apiKey", "X-Other"),
    "second_header_value": ("apiKey", "other"),
}


def test_each_field_is_tried() -> None:
    """The table of changes names every field there is."""
    fields = {field.name for kind in KINDS.values() for field in msgspec.structs.fields(kind)}
    assert fields == set(CHANGES)


@pytest.mark.parametrize(("field", "change"), CHANGES.items(), ids=CHANGES)
def test_digest_changes_with_each_field(field: str, change: tuple[str, Any]) -> None:
    """A change of any field is another credential, so that a rotated one takes effect at once."""
    base = BASES[change[0]]
    other = msgspec.structs.replace(base, **{field: change[1]})
    assert digest(base) == digest(msgspec.structs.replace(base))
    assert digest(other) != digest(base)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (Basic(username="ab", password="c"), Basic(username="a", password="bc")),
        (Basic(username="a", password="b"), Basic(username="b", password="a")),
        (
            OAuth2(client_id="a", client_secret="b", auth_url="c", scope="x"),
            OAuth2(client_id="a", client_secret="b", auth_url="c", audience="x"),
        ),
    ],
    ids=["cut elsewhere", "swapped", "another field"],
)
def test_digest_tells_fields_apart(one: Credential, two: Credential) -> None:
    """The same characters in other fields are another credential."""
    assert digest(one) != digest(two)


@pytest.mark.parametrize(
    "credential",
    [
        Basic(username=MARKED, password=MARKED),
        OAuth2(
            client_id=MARKED,
            client_secret=MARKED,
            auth_url=MARKED,
            scope=MARKED,
            audience=MARKED,
            extra_params=((MARKED, MARKED),),
        ),
        Bearer(bearer_token=MARKED),
        ApiKey(header_name=MARKED, header_value=MARKED, second_header_name=MARKED, second_header_value=MARKED),
    ],
    ids=[*KINDS],
)
def test_repr_shows_nothing(credential: Credential) -> None:
    """However a credential is printed, none of its values is."""
    shown = [repr(credential), str(credential), f"{credential}", f"{[credential]}", f"{ {'c': credential} }"]
    assert all(MARKED not in text for text in shown)
    assert MARKED not in digest(credential)


# ---- the header


@pytest.mark.parametrize(
    ("username", "password", "inside"),
    [
        ("Aladdin", "open sesame", b"Aladdin:open sesame"),
        ("u", "a:b", b"u:a:b"),
        ("Bj\u00f6rn", "\u00a3\u20ac", "Bj\u00f6rn:\u00a3\u20ac".encode()),
    ],
    ids=["RFC 7617's", "colon in the password", "UTF-8"],
)
def test_basic_authorization(username: str, password: str, inside: bytes) -> None:
    """Basic is base64 of UTF-8, as RFC 7617 has it."""
    scheme, _, value = basic_authorization(username, password).partition(" ")
    assert (scheme, base64.b64decode(value, validate=True)) == ("Basic", inside)


@given(client_id=_text, secret=_text)
def test_client_authorization(client_id: str, secret: str) -> None:
    """For a token request both parts are form-urlencoded first, so that any characters come through."""
    header = basic_authorization(client_id, secret, form_encoded=True)
    parts = base64.b64decode(header.removeprefix("Basic ")).decode("ascii").split(":")
    assert [unquote_plus(part) for part in parts] == [client_id, secret]
    assert re.fullmatch(r"[A-Za-z0-9._~+%-]*", "".join(parts))


def test_client_authorization_of_the_rfc() -> None:
    """Spaces become `+` and reserved characters are encoded (RFC 6749 section 2.3.1, appendix B)."""
    header = basic_authorization("a b", "c:d/\u00e9+", form_encoded=True)
    assert base64.b64decode(header.removeprefix("Basic ")) == b"a+b:c%3Ad%2F%C3%A9%2B"


def test_our_keys() -> None:
    """The keys that are ours in a Secret are the documented ones, for ever."""
    assert sorted(credential_keys()) == [
        "audience",
        "authUrl",
        "bearerToken",
        "clientAuth",
        "clientId",
        "clientSecret",
        "extraParams",
        "headerName",
        "headerValue",
        "password",
        "scope",
        "secondHeaderName",
        "secondHeaderValue",
        "tokenHeader",
        "type",
        "username",
    ]


def test_what_the_platform_has_set_is_completed_as_it_is_read() -> None:
    """A PUT's credential gets the stored `extraParams`, with a newline at their end or without any; Basic none."""
    for stored, extra in (
        ({"extraParams": '{"a": "b"}\n', "scope": "not ours to keep"}, (("a", "b"),)),
        ({"extraParams": "\n"}, ()),
        ({}, ()),
    ):
        expected = msgspec.structs.replace(OAUTH2_CREDENTIAL, extra_params=extra)
        assert completed(OAUTH2_CREDENTIAL, stored) == from_secret(merged(stored, OAUTH2_CREDENTIAL)) == expected
    basic = Basic(username="u", password="p")
    assert completed(basic, {"extraParams": "["}) == basic
    with pytest.raises(CredentialError, match="`extraParams` must be a JSON object of strings"):
        completed(OAUTH2_CREDENTIAL, {"extraParams": "["})
