"""Who may call: verdicts on tokens and claims, without a key."""

import base64
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantproxy.auth import claims as access
from tenantproxy.auth.claims import Caller, InvalidTokenError, Unverified
from tenantproxy.config import Admins, Issuer
from tenantproxy.problems import Problem

NOW = 1_800_000_000.0
TENANT = "CIR7nQwtS0rA6t0S6ejd"
OCMS = Issuer(
    issuer="https://auth.retailsvc.com/",
    audiences=("https://hiiretail.com",),
    kind="ocms",
    jwks_uri="https://auth.retailsvc.com/.well-known/jwks.json",
)
STAFF = Issuer(
    issuer="https://securetoken.google.com/hiidentity-staff",
    audiences=("hiidentity-staff",),
    kind="user",
    jwks_uri="https://keys.example/staff",
)
ISSUERS = (OCMS, STAFF)
TENANT_CLAIM = "https://extendaretail.com/tenant"
GROUPS_CLAIM = "https://extendaretail.com/groups"


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def client_id(*lines: str) -> str:
    return b64("\n".join(lines).encode())


CLIENT = client_id("iso_cc: SE", "sfw: pos@1.2.3", f"tid: {TENANT}", "workstation_id: 7", "")
MACHINE: dict[str, Any] = {
    "aud": ["https://hiiretail.com"],
    "client_id": CLIENT,
    "exp": int(NOW) + 3600,
    "ext": {},
    "iat": int(NOW),
    "iss": OCMS.issuer,
    "jti": "7f3b",
    "nbf": int(NOW),
    "scp": [],
    "sub": CLIENT,
}
"""As OCMS issues them (its documented sample, decoded)."""
USER: dict[str, Any] = {
    "iss": STAFF.issuer,
    "aud": "hiidentity-staff",
    "auth_time": int(NOW),
    "user_id": "u-1",
    "sub": "u-1",
    "iat": int(NOW),
    "exp": int(NOW) + 3600,
    "email": "anna@acme.example",
    "email_verified": True,
    TENANT_CLAIM: TENANT,
    GROUPS_CLAIM: ["g-1", "g-2"],
    "federated": {"roles": ["iam.admin"], "operatorIds": ["1-2"], "groups": ["f-1"]},
    "firebase": {"identities": {}, "sign_in_provider": "password", "tenant": "staff-x"},
}
"""As Google Identity Platform issues them to staff."""


def jwt(header: Any, claims: Any = None, signature: bytes = b"signature") -> str:
    """Return a token in compact form; text is taken as it is."""
    parts = [
        part if isinstance(part, str) else json.dumps(part)
        for part in (header, MACHINE if claims is None else claims)
    ]
    return ".".join([*(b64(part.encode()) for part in parts), b64(signature)])


def caller(claims: dict[str, Any], now: float = NOW) -> Caller:
    return access.verified_caller(claims, STAFF if claims["iss"] == STAFF.issuer else OCMS, now)


def refused(claims: dict[str, Any], now: float = NOW) -> str:
    with pytest.raises(InvalidTokenError) as caught:
        caller(claims, now)
    return str(caught.value)


def without(claims: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in claims.items() if key != name}


# ---- the header


@pytest.mark.parametrize(
    ("authorization", "token"),
    [
        ("Bearer abc", "abc"),
        ("bearer abc", "abc"),
        ("BEARER abc", "abc"),
        ("Bearer   abc  ", "abc"),
        ("Bearer a b", "a b"),
        ("Bearer abc\t", "abc\t"),
        ("Bearer XabcX", "XabcX"),
    ],
)
def test_bearer_token(authorization: str, token: str) -> None:
    """The scheme is `Bearer` in any case; what follows is the token, which is looked at later."""
    assert access.bearer_token(authorization) == token


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer    ",
        "Basic dTpw",
        "abc",
        "Bearerabc",
        " Bearer abc",
        "Bearer\tabc",
        "Token abc",
    ],
)
def test_no_token(authorization: str | None) -> None:
    """Without a token the answer is 401 with a challenge that names no error (RFC 6750 section 3.1)."""
    with pytest.raises(Problem) as caught:
        access.bearer_token(authorization)
    problem = caught.value
    assert (problem.code, problem.status, problem.reason) == ("unauthenticated", 401, "no-token")
    assert problem.headers == {"WWW-Authenticate": 'Bearer realm="customer-orders"'}
    assert problem.detail == "Send an access token as `Authorization: Bearer`."


def test_invalid_token() -> None:
    """A token that can't be accepted is a 401 with `error="invalid_token"` and why."""
    problem = access.invalid_token(InvalidTokenError("has expired"))
    assert (problem.code, problem.status, problem.reason) == ("unauthenticated", 401, "invalid-token")
    challenge = problem.headers["WWW-Authenticate"]
    assert challenge == 'Bearer realm="customer-orders", error="invalid_token", error_description="has expired"'
    assert problem.detail == "The access token has expired."


# ---- parsing


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_parse(algorithm: str) -> None:
    """A well-formed token is taken apart, its signed part byte for byte."""
    token = jwt({"alg": algorithm, "typ": "JWT", "kid": "k1"})
    parsed = access.parse_token(token)
    assert (parsed.algorithm, parsed.key_id, parsed.claims) == (algorithm, "k1", MACHINE)
    assert parsed.signed == token.rpartition(".")[0].encode()
    assert parsed.signature == b"signature"


@pytest.mark.parametrize(
    "kind", [{}, *({"typ": typ} for typ in ("JWT", "jwt", "at+jwt", "application/at+jwt"))], ids=str
)
def test_accepted_type(kind: dict[str, str]) -> None:
    """A token may say that it is a JWT or an access token, and need not."""
    assert access.parse_token(jwt({"alg": "RS256", **kind})).key_id is None


def test_other_header_parameters_are_ignored() -> None:
    """Parameters that we don't know, and thumbprints, do no harm."""
    assert access.parse_token(
        jwt({"alg": "RS256", "x5t": "a", "x5t#S256": "b", "cty": "x", "b64": False, "foo": 1})
    )


RS: dict[str, Any] = {"alg": "RS256", "kid": "k1"}
HEADERS: dict[str, Any] = {
    **{f"alg {alg}": {"alg": alg} for alg in ("none", "None", "NONE", "nOnE", "HS256", "HS384", "HS512")},
    **{f"alg {alg}": {"alg": alg} for alg in ("RS384", "RS512", "PS256", "ES384", "ES512", "ES256K", "EdDSA")},
    **{f"alg {alg!r}": {"alg": alg} for alg in ("rs256", "RS256 ", "", None, 5, ["RS256"], {"RS256": 1}, True)},
    "no alg": {"kid": "k1"},
    "empty": {},
    "jwk": {**RS, "jwk": {"kty": "RSA", "n": "x", "e": "AQAB"}},
    "jku": {**RS, "jku": "https://evil.example/jwks"},
    "x5u": {**RS, "x5u": "https://evil.example/cert"},
    "x5c": {**RS, "x5c": ["MIIB"]},
    "jwk of null": {**RS, "jwk": None},
    "crit": {**RS, "crit": ["b64"], "b64": False},
    "crit of nothing": {**RS, "crit": []},
    "type of a logout token": {**RS, "typ": "logout+jwt"},
    "type of a DPoP proof": {**RS, "typ": "dpop+jwt"},
    "type of an event": {**RS, "typ": "secevent+jwt"},
    "type JOSE": {**RS, "typ": "JOSE"},
    "type is null": {**RS, "typ": None},
    "type is a list": {**RS, "typ": ["JWT"]},
    "type is empty": {**RS, "typ": ""},
    "kid is a number": {**RS, "kid": 5},
    "kid is a list": {**RS, "kid": ["k1"]},
    "list": [RS],
    "text": '"RS256"',
    "null": "null",
    "not JSON": "{alg: RS256}",
    "nothing": " ",
    "duplicate alg": '{"alg": "none", "alg": "RS256"}',
    "duplicate alg, the other way": '{"alg": "RS256", "alg": "none"}',
    "escaped duplicate": '{"alg": "RS256", "\\u0061lg": "none"}',
    "BOM": '\ufeff{"alg": "RS256"}',
    "trailing text": '{"alg": "RS256"} x',
    "deep": '{"alg": "RS256", "x": ' + "[" * 3000 + "]" * 3000 + "}",
}


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
def test_refused_header(header: Any) -> None:
    """No algorithm but the two, no key that the token brings itself, no other type, and JSON read strictly."""
    with pytest.raises(InvalidTokenError):
        access.parse_token(jwt(header))


CLAIMS = {
    "list": "[]",
    "text": '"x"',
    "null": "null",
    "number": "1",
    "not JSON": "{iss: x}",
    "cut off": '{"iss": "x"',
    "duplicate iss": '{"iss": "https://evil.example/", "iss": "https://auth.retailsvc.com/"}',
    "duplicate exp": '{"exp": 1, "exp": 9999999999}',
    "duplicate inside": '{"federated": {"roles": [], "roles": ["iam.admin"]}}',
    "escaped duplicate": '{"tid": 1, "\\u0074id": 2}',
    "huge number": '{"exp": ' + "9" * 5000 + "}",
}


@pytest.mark.parametrize("claims", CLAIMS.values(), ids=CLAIMS)
def test_refused_claims(claims: str) -> None:
    """Claims are one JSON object, in which no name comes twice at any level."""
    with pytest.raises(InvalidTokenError):
        access.parse_token(jwt(RS, claims))


GOOD = jwt(RS)
_HEAD, _BODY, _SIGNATURE = GOOD.split(".")
_NOT_UTF8 = b'{"iss": "\xff"}'
FORMS = {
    "empty": "",
    "dots": "..",
    "one part": _HEAD,
    "two parts": f"{_HEAD}.{_BODY}",
    "no signature": f"{_HEAD}.{_BODY}.",
    "no claims": f"{_HEAD}..{_SIGNATURE}",
    "no header": f".{_BODY}.{_SIGNATURE}",
    "four parts": f"{GOOD}.{_SIGNATURE}",
    "five parts, encrypted": f"{GOOD}.{_SIGNATURE}.{_SIGNATURE}",
    "padding": f"{_HEAD}.{_BODY}.{_SIGNATURE}=",
    "padding in the header": f"{_HEAD}=.{_BODY}.{_SIGNATURE}",
    "plus and slash": f"{_HEAD}.{_BODY}.+/+/",
    "space inside": f"{_HEAD}.{_BODY}.{_SIGNATURE[:4]} {_SIGNATURE[4:]}",
    "newline at the end": f"{GOOD}\n",
    "newline inside": f"{_HEAD}\n.{_BODY}.{_SIGNATURE}",
    "NUL": f"{GOOD}\0",
    "percent": f"{_HEAD}.{_BODY}.%41",
    "one character too many": f"{_HEAD}.{_BODY}.{'A' * 5}",
    "bits left over": f"{_HEAD}.{_BODY}.AB",
    "bits left over, three": f"{_HEAD}.{_BODY}.AAB",
    "non-ASCII": f"{_HEAD}.{_BODY}.\u00e4\u00e4",
    "full-width": f"{_HEAD}.{_BODY}.\uff21\uff21",
    "surrogate": f"{_HEAD}.{_BODY}.\udcff\udcff",
    "JSON form": json.dumps({"payload": _BODY, "protected": _HEAD, "signature": _SIGNATURE}),
    "not UTF-8": f"{_HEAD}.{b64(_NOT_UTF8)}.{_SIGNATURE}",
    "a quoted token": f'"{GOOD}"',
    "two tokens": f"{GOOD}, {GOOD}",
    "huge": jwt(RS, {"x": "y" * 10_000}),
    "huge garbage": "." * 1_000_000,
}


@pytest.mark.parametrize("token", FORMS.values(), ids=FORMS)
def test_refused_form(token: str) -> None:
    """Only canonical base64url in three parts is a token: no second spelling of one is accepted."""
    with pytest.raises(InvalidTokenError):
        access.parse_token(token)


@given(token=st.text(max_size=60) | st.text("abAB01-_.=", max_size=60))
def test_any_text_is_refused(token: str) -> None:
    """Whatever comes as a token, it is parsed or refused in one way, and the message holds nothing of it."""
    with pytest.raises(InvalidTokenError) as caught:
        access.parse_token(token)
    assert len(token) < 8 or token not in str(caught.value)


@given(
    header=st.dictionaries(
        st.sampled_from(["alg", "typ", "kid", "x"]), st.sampled_from(["RS256", "JWT", "", 1, None])
    ),
    claims=st.dictionaries(st.text(max_size=5), st.none() | st.integers() | st.floats() | st.text(max_size=5)),
)
def test_any_json_is_parsed_or_refused(header: dict[str, Any], claims: dict[str, Any]) -> None:
    """Whatever JSON is inside, only RS256 and ES256 come out."""
    try:
        parsed: Unverified | None = access.parse_token(jwt(header, claims))
    except InvalidTokenError:
        parsed = None
    assert parsed is None or parsed.algorithm == header["alg"] == "RS256"


WORDS: dict[str, tuple[str, str]] = {
    "longest": ("a" * access.MAX_TOKEN_CHARS, "is not a JWT"),
    "longer": ("a" * (access.MAX_TOKEN_CHARS + 1), "is too long"),
    "algorithm": (jwt({"alg": "none"}), "is not signed by RS256 or ES256"),
    "key in the header": (jwt({**RS, "jwk": {}}), "has a header parameter that is not accepted"),
    "type": (jwt({**RS, "typ": "dpop+jwt"}), "is of another type"),
    "kid": (jwt({**RS, "kid": 7}), "has a malformed kid"),
    "no base64url": ("a+b.e30.e30", "is malformed"),
    "impossible length": ("a.e30.e30", "is malformed"),
    "not canonical": ("e31.e30.e30", "is malformed"),
    "no JSON": (jwt("x"), "is malformed"),
    "no object": (jwt([]), "is malformed"),
    "a name twice": (jwt('{"alg":"RS256","alg":"RS256"}'), "has a duplicate name"),
}


@pytest.mark.parametrize(("token", "words"), WORDS.values(), ids=WORDS)
def test_words_of_a_refusal(token: str, words: str) -> None:
    """The caller is told what is wrong, in words that don't change."""
    with pytest.raises(InvalidTokenError) as caught:
        access.parse_token(token)
    assert caught.value.args == (words,)


def test_parsed_token_is_masked() -> None:
    """A token that was taken apart doesn't show itself when printed."""
    parsed = access.parse_token(jwt(RS, {"sub": "MARKED"}))
    assert "MARKED" not in f"{parsed!r} {parsed}"
    assert "signature" not in f"{parsed!r} {parsed}"
    assert repr(parsed) == "Unverified(***)"


# ---- issuer


@pytest.mark.parametrize("issuer", ISSUERS, ids=["ocms", "staff"])
def test_known_issuer(issuer: Issuer) -> None:
    """A token is its issuer's by the exact name."""
    assert access.issuer_of(access.parse_token(jwt(RS, {"iss": issuer.issuer})), ISSUERS) is issuer


@pytest.mark.parametrize(
    "claims",
    [
        {},
        *(
            {"iss": name}
            for name in (
                *("https://evil.example/", "https://auth.retailsvc.com", "HTTPS://auth.retailsvc.com/", ""),
                *("https://auth.retailsvc.com//", "https://auth.retailsvc.com/.evil.example/"),
                *("https://securetoken.google.com/hiidentity-shoppers", "https://auth.retailsvc-test.com/"),
            )
        ),
        *({"iss": value} for value in (None, 5, [OCMS.issuer], {OCMS.issuer: 1})),
    ],
    ids=repr,
)
def test_unknown_issuer(claims: dict[str, Any]) -> None:
    """Any other name is no issuer of ours; shoppers' tokens are not, by default."""
    with pytest.raises(InvalidTokenError, match=r"^is from an unknown issuer$"):
        access.issuer_of(access.parse_token(jwt(RS, claims)), ISSUERS)


# ---- claims: when, for whom


def test_machine() -> None:
    """A machine client's token names the tenant inside `client_id`, and nobody who could be an admin."""
    assert caller(MACHINE) == Caller(
        tenant=TENANT,
        expires_at=NOW + 3630,
        subject=CLIENT,
        is_user=False,
        email=None,
        groups=frozenset(),
        roles=frozenset(),
        key=f"{OCMS.issuer} {CLIENT}",
    )


def test_user() -> None:
    """A user's token names the tenant in a claim, with email, groups and federated roles."""
    assert caller(USER) == Caller(
        tenant=TENANT,
        expires_at=NOW + 3630,
        subject="u-1",
        is_user=True,
        email="anna@acme.example",
        groups=frozenset({"g-1", "g-2"}),
        roles=frozenset({"iam.admin"}),
        key=f"{STAFF.issuer} u-1",
    )


@pytest.mark.parametrize(
    ("claims", "accepted"),
    [
        ({"exp": NOW + 1}, True),
        ({"exp": NOW}, True),
        ({"exp": NOW - 29}, True),
        ({"exp": NOW - 30}, False),
        ({"exp": NOW - 3600}, False),
        ({"exp": 0}, False),
        ({"exp": -1}, False),
        ({"exp": NOW + 0.5}, True),
        ({"nbf": NOW + 30}, True),
        ({"nbf": NOW + 31}, False),
        ({"nbf": 0}, True),
        ({"nbf": NOW - 86400}, True),
        ({"iat": NOW + 30}, True),
        ({"iat": NOW + 31}, False),
        ({"iat": None, "nbf": None}, True),
    ],
    ids=repr,
)
def test_times(claims: dict[str, Any], accepted: bool) -> None:  # noqa: FBT001 - a table
    """A token is good from `nbf` (and not from the future) until `exp`, with 30 s for clocks that differ."""
    if accepted:
        assert caller({**MACHINE, **claims}).tenant == TENANT
    else:
        assert refused({**MACHINE, **claims}) in ("has expired", "is not yet valid")


def test_expiry_of_the_caller_is_that_of_the_token() -> None:
    """A verified token may be remembered for exactly as long as it would be accepted."""
    expires_at = caller(MACHINE).expires_at
    assert caller(MACHINE, expires_at - 0.001)
    assert refused(MACHINE, expires_at) == "has expired"


@pytest.mark.parametrize(
    "value", ["1800003600", True, [1], {}, float("nan"), float("inf"), 1e12, 1e300, 10**400, "never"], ids=str
)
@pytest.mark.parametrize("claim", ["exp", "nbf", "iat"])
def test_malformed_time(claim: str, value: Any) -> None:
    """A time is a sane number; a token with another value in its place is refused."""
    assert refused({**MACHINE, claim: value}) == f"has a malformed {claim}"


@pytest.mark.parametrize("claims", [without(MACHINE, "exp"), {**MACHINE, "exp": None}], ids=["absent", "null"])
def test_no_expiry(claims: dict[str, Any]) -> None:
    """A token without an end is refused."""
    assert refused(claims) == "has no exp"


@pytest.mark.parametrize("name", ["nbf", "iat", "jti", "scp", "ext", "sub"])
def test_optional_claims(name: str) -> None:
    """Other times and claims need not be there."""
    assert caller(without(MACHINE, name)).tenant == TENANT


def test_caller_without_a_subject() -> None:
    """A token that names no subject has the empty one."""
    assert caller(without(USER, "sub")).subject == ""


@pytest.mark.parametrize(
    "audience",
    [
        "https://hiiretail.com",
        ["https://hiiretail.com"],
        ["x", "https://hiiretail.com"],
        [5, "https://hiiretail.com"],
    ],
    ids=repr,
)
def test_audience(audience: Any) -> None:
    """The audience may be text or a list in which ours is."""
    assert caller({**MACHINE, "aud": audience}).tenant == TENANT


@pytest.mark.parametrize(
    "audience",
    [
        *("https://hiiretail.com/", "https://HIIRETAIL.com", "hiidentity-staff", "", "https://hiiretail.com,x"),
        *([], ["x"], [["https://hiiretail.com"]], [None], None, 5, True, {"https://hiiretail.com": 1}),
    ],
    ids=repr,
)
def test_other_audience(audience: Any) -> None:
    """A token for another audience is refused; the audience is compared exactly."""
    assert refused({**MACHINE, "aud": audience}) == "is for another audience"


def test_no_audience() -> None:
    """A token for everybody is for nobody."""
    assert refused(without(MACHINE, "aud")) == "is for another audience"


def test_audience_is_the_issuers() -> None:
    """One issuer's audience does not do for another issuer's token."""
    assert refused({**USER, "aud": "https://hiiretail.com"}) == "is for another audience"


# ---- claims: the tenant

CLIENT_IDS: dict[str, tuple[str, str]] = {
    "documented": (CLIENT, TENANT),
    "only the tenant": (client_id(f"tid: {TENANT}"), TENANT),
    "CR LF": (b64(f"iso_cc: SE\r\ntid: {TENANT}\r\n".encode()), TENANT),
    "no space": (client_id(f"tid:{TENANT}"), TENANT),
    "colon in the value": (client_id("tid: a:b"), "a:b"),
    "local template": (client_id(f"sfw: pos@1@{TENANT}", f"tid: {TENANT}"), TENANT),
    "padding": (base64.urlsafe_b64encode(f"tid: {TENANT}\n\n".encode()).decode(), TENANT),
    "business unit like a tenant": (client_id("business_unit_id: tid", f"tid: {TENANT}"), TENANT),
    "tenant in another case": (client_id(f"tid: {TENANT.lower()}"), TENANT.lower()),
    "test tenant": (client_id(f"tid: {TENANT}test"), f"{TENANT}test"),
    "padded": (f"{client_id('tid: TT')}==", "TT"),
    "X at its end": (client_id("tid: TTTW"), "TTTW"),
}
NO_CLIENT_IDS: dict[str, Any] = {
    "empty": "",
    "not base64": "pos-client",
    "not base64url": "dGlkOiA+/w",
    "a UUID": "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
    "space behind": f"{CLIENT} ",
    "no tenant": client_id("iso_cc: SE", "sfw: pos@1"),
    "tenant only in the software": client_id(f"sfw: pos@1@{TENANT}"),
    "empty tenant": client_id("tid:"),
    "blank tenant": client_id("tid:   "),
    "two tenants": client_id(f"tid: {TENANT}", "tid: other"),
    "the same tenant twice": client_id(f"tid: {TENANT}", f"tid: {TENANT}"),
    "tenant in a value": client_id(f"workstation_id: x tid: {TENANT}"),
    "another key": client_id(f"TID: {TENANT}"),
    "longer key": client_id(f"xtid: {TENANT}"),
    "line separator smuggles a second tenant": client_id(f"business_unit_id: x\u2028tid: {TENANT}", "tid: other"),
    "vertical tab smuggles a second tenant": client_id(f"business_unit_id: x\vtid: {TENANT}", "tid: other"),
    "not UTF-8": b64(b"tid: \xff"),
    "binary": b64(bytes(range(256))),
    "number": 5,
    "list": [CLIENT],
    "null": None,
}


@pytest.mark.parametrize(("client", "tenant"), CLIENT_IDS.values(), ids=CLIENT_IDS)
def test_tenant_of_a_machine(client: str, tenant: str) -> None:
    """The tenant is the value of the one line `tid` in the decoded client id."""
    assert caller({**MACHINE, "client_id": client, "sub": "x"}).tenant == tenant


@pytest.mark.parametrize("client", NO_CLIENT_IDS.values(), ids=NO_CLIENT_IDS)
def test_machine_without_a_tenant(client: Any) -> None:
    """A client id that names no tenant, or more than one, is refused; `sub` does not help a broken one."""
    assert refused({**MACHINE, "client_id": client}) == "names no tenant"


def test_tenant_of_a_machine_in_sub() -> None:
    """`sub` equals `client_id`, and does where that is missing."""
    assert caller(without(MACHINE, "client_id")).tenant == TENANT
    assert refused(without(without(MACHINE, "client_id"), "sub")) == "names no tenant"


def test_machine_can_not_claim_a_tenant() -> None:
    """A user's tenant claim in a machine's token is not looked at."""
    assert caller({**MACHINE, TENANT_CLAIM: "other"}).tenant == TENANT
    assert refused({**without(without(MACHINE, "client_id"), "sub"), TENANT_CLAIM: TENANT}) == "names no tenant"


@pytest.mark.parametrize("value", ["", None, 5, [TENANT], {"id": TENANT}, ...], ids=repr)
def test_user_without_a_tenant(value: Any) -> None:
    """A user's token without the tenant claim is refused: neither its other claims nor a client id help."""
    claims = {**without(USER, TENANT_CLAIM), "tenant": TENANT, "tid": TENANT, "client_id": CLIENT}
    if value is not ...:
        claims[TENANT_CLAIM] = value
    assert refused(claims) == "names no tenant"


@given(client=st.text(max_size=40) | st.binary(max_size=40).map(b64))
def test_any_client_id(client: str) -> None:
    """Whatever stands in a client id, a tenant comes out or the token is refused."""
    try:
        tenant = caller({**MACHINE, "client_id": client}).tenant
    except InvalidTokenError:
        tenant = "refused"
    assert tenant
    assert tenant == tenant.strip()


@given(before=st.text(max_size=20), after=st.text(max_size=20))
def test_values_of_others_can_not_change_the_tenant(before: str, after: str) -> None:
    """Whatever stands in other values of a client id, the tenant stays the one that is named, or none is."""
    lines = [f"business_unit_id: {before}", f"tid: {TENANT}", f"workstation_id: {after}"]
    try:
        encoded = client_id(*lines)
        tenant = caller({**MACHINE, "client_id": encoded}).tenant
    except (InvalidTokenError, UnicodeEncodeError):
        tenant = TENANT
    assert tenant == TENANT


@pytest.mark.parametrize("tenant", ["T-MARKED", TENANT.lower(), f"{TENANT}test", f" {TENANT}", TENANT[:-1]])
def test_other_tenant(tenant: str) -> None:
    """A good token for another tenant, its test tenant too, is 403, compared exactly."""
    access.check_tenant(caller(USER), TENANT)
    with pytest.raises(Problem) as caught:
        access.check_tenant(caller({**USER, TENANT_CLAIM: tenant}), TENANT)
    assert (caught.value.code, caught.value.status) == ("wrong-tenant", 403)
    assert tenant not in caught.value.body("c").decode()
    assert caught.value.detail == "The access token is for another tenant."


# ---- admins


def is_admin(claims: dict[str, Any], admins: Admins) -> bool:
    try:
        access.check_admin(caller(claims), admins)
    except Problem as problem:
        refusal = problem
    else:
        return True
    assert (refusal.code, refusal.status) == ("admin-required", 403)
    assert refusal.detail == "The access token is not one of a user in `access.admins`."
    return False


ADMINS = Admins(emails=("Anna@Acme.example",), groups=("g-2",), roles=("iam.admin",))
PLAIN = {**without(USER, "federated"), "email": "bert@acme.example", GROUPS_CLAIM: ["g-9"]}

ADMIN: dict[str, tuple[dict[str, Any], bool]] = {
    "nothing": ({}, False),
    "email": ({"email": "anna@acme.example"}, True),
    "email in another case": ({"email": "ANNA@ACME.EXAMPLE"}, True),
    "email with a space": ({"email": "anna@acme.example "}, False),
    "email of another domain": ({"email": "anna@acme.example.evil.example"}, False),
    "email with a plus": ({"email": "anna+x@acme.example"}, False),
    "email is a list": ({"email": ["anna@acme.example"]}, False),
    "email is empty": ({"email": ""}, False),
    "group": ({GROUPS_CLAIM: ["g-1", "g-2"]}, True),
    "group in another case": ({GROUPS_CLAIM: ["G-2"]}, False),
    "group as text": ({GROUPS_CLAIM: "g-2"}, False),
    "group among others": ({GROUPS_CLAIM: [5, None, "g-2"]}, True),
    "group as an object": ({GROUPS_CLAIM: {"g-2": True}}, False),
    "group in another claim": ({"groups": ["g-2"]}, False),
    "group, email not verified": ({GROUPS_CLAIM: ["g-2"], "email_verified": False}, True),
    "role": ({"federated": {"roles": ["x", "iam.admin"]}}, True),
    "role in another case": ({"federated": {"roles": ["IAM.admin"]}}, False),
    "role as text": ({"federated": {"roles": "iam.admin"}}, False),
    "role at the top": ({"roles": ["iam.admin"]}, False),
    "role as a group": ({GROUPS_CLAIM: ["iam.admin"]}, False),
    "group as a role": ({"federated": {"roles": ["g-2"]}}, False),
    "federated as a list": ({"federated": ["iam.admin"]}, False),
    "federated is null": ({"federated": None}, False),
}


@pytest.mark.parametrize(("claims", "expected"), ADMIN.values(), ids=ADMIN)
def test_admin(claims: dict[str, Any], expected: bool) -> None:  # noqa: FBT001 - a table
    """An admin is a user whose verified email, group id or role is configured; nothing else makes one."""
    assert is_admin({**PLAIN, **claims}, ADMINS) is expected


@pytest.mark.parametrize("assumed", [False, True], ids=["by default", "with assumeEmailVerified"])
@pytest.mark.parametrize(
    ("verified", "expected"),
    [
        (True, True),
        ("true", True),
        *((other, False) for other in (False, "false", "False", "True", "0", "1", "yes", "", 0, 1, 1.0, None)),
        *((other, False) for other in ([], [True], ["true"], {}, {"true": True})),
    ],
)
def test_email_counts_only_if_verified(verified: object, *, expected: bool, assumed: bool) -> None:
    """An email whose issuer says anything but that it is verified makes nobody an admin."""
    issuer = msgspec.structs.replace(STAFF, assume_email_verified=assumed)
    claims = {**PLAIN, "email": "anna@acme.example", "email_verified": verified}
    found = access.verified_caller(claims, issuer, NOW)
    assert found.email == ("anna@acme.example" if expected else None)


@pytest.mark.parametrize("assumed", [False, True])
def test_email_without_a_word_on_it(*, assumed: bool) -> None:
    """Where a token doesn't say whether its email is verified, the issuer's configuration does."""
    issuer = msgspec.structs.replace(STAFF, assume_email_verified=assumed)
    found = access.verified_caller(without(USER, "email_verified"), issuer, NOW)
    assert found.email == ("anna@acme.example" if assumed else None)


@pytest.mark.parametrize("subject", [1, None, True, ["u-1"], {"u": 1}])
def test_subject_is_text(subject: object) -> None:
    """A subject that is no text is nobody's."""
    assert refused({**USER, "sub": subject}) == "has a malformed sub"


@pytest.mark.parametrize("claims", [USER, PLAIN, {**USER, "email": ""}], ids=["user", "plain", "empty email"])
def test_nobody_is_admin_by_default(claims: dict[str, Any]) -> None:
    """Where no admins are configured, nobody is one."""
    assert not is_admin(claims, Admins())


def test_machine_is_no_admin() -> None:
    """A machine client is never an admin, whatever its token claims."""
    claims = {
        **MACHINE,
        "email": "anna@acme.example",
        GROUPS_CLAIM: ["g-2"],
        "federated": {"roles": ["iam.admin"]},
    }
    assert not is_admin(claims, ADMINS)


@pytest.mark.parametrize("email", ["mi\u212ae@acme.example", "M\u0130KE@acme.example", "m\u0131ke@acme.example"])
def test_look_alike_email_is_no_admin(email: str) -> None:
    """An email whose letters only become the admin's by Unicode's case rules is another person's."""
    assert is_admin({**PLAIN, "email": "MIKE@acme.example"}, Admins(emails=("mike@acme.example",)))
    assert not is_admin(
        {**PLAIN, "email": email}, Admins(emails=("mike@acme.example", "m\u0069\u0307ke@x.example"))
    )


def test_non_ascii_email() -> None:
    """A non-ASCII email is an admin's where it is configured exactly so."""
    assert is_admin({**PLAIN, "email": "bj\u00f6rn@acme.example"}, Admins(emails=("bj\u00f6rn@acme.example",)))
