"""Which events show that ExternalEvents sends them: all that is configured, in each way that is documented."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from multidict import CIMultiDict, CIMultiDictProxy

from support.proxy.relaying import SECRETS, SHARED_KEY, event_of, login, signed
from tenantproxy.config_poslog import IdToken, Verification
from tenantproxy.credentials.stores.files import write_keys
from tenantproxy.poslog.intake.envelope import event_of as decoded_event
from tenantproxy.poslog.intake.errors import EventError
from tenantproxy.poslog.sending import authorization
from tenantproxy.problems import Problem
from tenantproxy.relay.secrets import PASSWORD, USERNAME, SecretFiles
from tenantproxy.relay.secrets import SHARED_KEY as SHARED_KEY_FILE
from tenantproxy.relay.verification import SignedOver, Verifier
from tenantproxy.transport.egress import Policy

EVENT: Final = event_of("pickup")
KEY: Final = RSAKey.generate_key(2048, auto_kid=True)
OTHER_KEY: Final = RSAKey.generate_key(2048, auto_kid=True)
AUDIENCE: Final = "my-webhook"
ID_TOKEN: Final = IdToken(AUDIENCE, jwks={"keys": [KEY.as_dict(private=False, use="sig", alg="RS256")]})
SHARED: Final = Verification(shared_key=True)
BASIC: Final = Verification(basic=True)
TOKEN: Final = Verification(id_token=ID_TOKEN)


async def verifier(config: Verification, folder: Path, secrets: Mapping[str, str] = SECRETS) -> Verifier:
    """Return one with these keys in a folder."""
    write_keys(folder, secrets)
    names = {SHARED_KEY_FILE: config.shared_key, USERNAME: config.basic, PASSWORD: config.basic}
    files = SecretFiles(folder, frozenset(name for name, is_needed in names.items() if is_needed))
    await files.load()
    return Verifier(config, files, policy=Policy())


async def verified(found: Verifier, headers: Mapping[str, str], body: bytes = EVENT.body) -> SignedOver | None:
    """Verify an event as the relay does: its headers, then its body."""
    given = CIMultiDictProxy(CIMultiDict(headers))
    await found.check_sender(given)
    return found.signed_over(given, body, lambda: decoded_event(body))


async def refused(found: Verifier, headers: Mapping[str, str], body: bytes = EVENT.body) -> str:
    """Return why an event is refused, in a word; the answer quotes nothing that came."""
    with pytest.raises(Problem) as caught:
        await verified(found, headers, body)
    problem = caught.value
    assert (problem.code, problem.status) == ("event-unauthorized", 401)
    assert "realm=" in problem.headers["WWW-Authenticate"]
    assert not [value for value in headers.values() if value and value in problem.detail]
    return problem.reason


# ---- the shared key


@pytest.mark.parametrize(("content", "over"), [(EVENT.body, "body"), (EVENT.data, "data")])
async def test_both_readings(content: bytes | str, over: str, tmp_path: Path) -> None:
    """What is signed is the body, or the text in `data`; which one it was is told."""
    assert await verified(await verifier(SHARED, tmp_path), signed(content)) == over


@pytest.mark.parametrize("change", [{"id": 7}, {"time": "yesterday"}, {"meta": {"businessDay": ""}}])
async def test_a_field_that_is_wrong_is_no_wrong_key(change: dict[str, Any], tmp_path: Path) -> None:
    """The text in `data` is signed, whatever stands beside it: who sends it is told what is wrong with that."""
    body = json.dumps(json.loads(EVENT.body) | change).encode()
    with pytest.raises(EventError):
        decoded_event(body)
    assert await verified(await verifier(SHARED, tmp_path), signed(EVENT.data), body) == "data"


@pytest.mark.parametrize("key", ["old", "new"])
async def test_a_shared_key_that_is_changed(key: str, tmp_path: Path) -> None:
    """While both are in the file, both count."""
    found = await verifier(SHARED, tmp_path, {SHARED_KEY_FILE: "old\nnew\n"})
    assert await verified(found, signed(EVENT.body, key)) == "body"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Hii-Signature": ""},
        {"X-Hii-Signature": signed(EVENT.body)["X-Hii-Signature"].removeprefix("HS256=")},
        {"X-Hii-Signature": signed(EVENT.body)["X-Hii-Signature"] + "0"},
        {"X-Hii-Signature": "HS256=" + "x" * 64},
    ],
    ids=["none", "empty", "no-scheme", "longer", "not-hex"],
)
async def test_what_is_no_signature(headers: dict[str, str], tmp_path: Path) -> None:
    """It is refused before there is a body."""
    assert await refused(await verifier(SHARED, tmp_path), headers) == "no-signature"


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (signed(EVENT.body, "another key"), EVENT.body),
        (signed(EVENT.body), EVENT.body + b" "),
        (signed(EVENT.body), event_of("pickup", event_id="1").body.replace(b"data", b"dota")),
        (signed("no event"), b"not JSON"),
        (signed(b""), b'{"id":"1","type":"t","data":{}}'),
    ],
    ids=["key", "body", "no-data", "no-json", "no-text"],
)
async def test_wrong_signature(headers: dict[str, str], body: bytes, tmp_path: Path) -> None:
    """By another key, or of something else; what can't be read is not more than unverified, either."""
    assert await refused(await verifier(SHARED, tmp_path), headers, body) == "wrong-signature"


async def test_a_member_twice_gains_nothing(tmp_path: Path) -> None:
    """The text in `data` that is verified is the one that is read."""
    body = EVENT.body.replace(b'"data":', b'"data":"' + b"QQ==" + b'","data":')
    assert body.count(b'"data":') == 2
    found = await verifier(SHARED, tmp_path)
    assert await verified(found, signed(EVENT.data), body) == "data"
    assert await refused(found, signed("QQ=="), body) == "wrong-signature"


# ---- user and password


async def test_login(tmp_path: Path) -> None:
    """The right user and password, also in other characters than ASCII; nothing signed is asked for."""
    found = await verifier(BASIC, tmp_path, {USERNAME: "hii", PASSWORD: "pässword:with colon"})
    assert await verified(found, login("hii", "pässword:with colon")) is None


@pytest.mark.parametrize(
    "headers",
    [
        {},
        login("hii", "wrong"),
        login("other", "not-a-secret"),
        login("hii", ""),
        {"Authorization": login()["Authorization"].replace("Basic", "Bearer")},
        {"Authorization": "Basic"},
        {"Authorization": "Basic %%%"},
        {"Authorization": "Basic é"},
    ],
    ids=["none", "password", "user", "empty", "scheme", "nothing", "no-base64", "no-ascii"],
)
async def test_wrong_login(headers: dict[str, str], tmp_path: Path) -> None:
    """Whatever of it is wrong."""
    assert await refused(await verifier(BASIC, tmp_path), headers) == "wrong-login"


@pytest.mark.parametrize("password", ["old", "new"])
async def test_a_password_that_is_changed(password: str, tmp_path: Path) -> None:
    """While both are in the file, both count."""
    found = await verifier(BASIC, tmp_path, {USERNAME: "hii", PASSWORD: "old\nnew"})
    await verified(found, login("hii", password))


# ---- Google's ID token


def token(key: RSAKey = KEY, algorithm: str = "RS256", **changed: Any) -> dict[str, str]:
    """Return the header with a token as Google makes them, with other claims; None: without it."""
    now = int(time.time())
    claims = {
        "iss": "https://accounts.google.com",
        "aud": AUDIENCE,
        "email": "exe-emit-api@hii-project.iam.gserviceaccount.com",
        "email_verified": True,
        "iat": now,
        "exp": now + 3600,
        **changed,
    }
    given = {name: value for name, value in claims.items() if value is not None}
    return {"Authorization": f"Bearer {jwt.encode({'alg': algorithm, 'kid': key.kid}, given, key)}"}


async def test_google_s_token(tmp_path: Path) -> None:
    """As the simulator of ExternalEvents makes them, and by other projects."""
    found = await verifier(TOKEN, tmp_path)
    await verified(found, authorization.id_token(KEY, AUDIENCE)())
    await verified(found, token(email="exe-emit-api@example.com.project.iam.gserviceaccount.com"))


@pytest.mark.parametrize(
    "headers",
    [
        token(OTHER_KEY),
        token(iss="https://accounts.google.com.example"),
        token(aud="another"),
        token(aud=None),
        token(exp=int(time.time()) - 60),
        token(exp=None),
        token(iat=int(time.time()) + 600),
        token(email_verified=False),
        token(email_verified="true"),
        token(email=None),
        token(email="somebody@hii-project.iam.gserviceaccount.com"),
        token(email="exe-emit-api@hii.iam.gserviceaccount.com.example.org"),
        token(email="exe-emit-api@evil@x.iam.gserviceaccount.com"),
        {"Authorization": "Bearer none"},
    ],
)
async def test_wrong_token(headers: dict[str, str], tmp_path: Path) -> None:
    """By another key, issuer, audience, account, or at another time."""
    assert await refused(await verifier(TOKEN, tmp_path), headers) == "invalid-token"


@pytest.mark.parametrize("headers", [{}, login()])
async def test_no_token(headers: dict[str, str], tmp_path: Path) -> None:
    """Basic is none."""
    assert await refused(await verifier(TOKEN, tmp_path), headers) == "no-token"


async def test_one_account(tmp_path: Path) -> None:
    """Where it is named, it is that one alone."""
    mine = "exe-emit-api@mine.iam.gserviceaccount.com"
    config = Verification(id_token=IdToken(AUDIENCE, email=mine, jwks=ID_TOKEN.jwks))
    found = await verifier(config, tmp_path)
    await verified(found, token(email=mine))
    assert await refused(found, token()) == "invalid-token"


async def test_an_expired_token_is_not_remembered(tmp_path: Path) -> None:
    """One that was verified is good until it expires."""
    now = time.time()
    write_keys(tmp_path, {})
    found = Verifier(TOKEN, SecretFiles(tmp_path, frozenset()), policy=Policy(), now=lambda: now)
    headers = token()
    await verified(found, headers)
    now += 3700
    assert await refused(found, headers) == "invalid-token"


async def test_keys_of_a_file_that_is_not_there(tmp_path: Path) -> None:
    """What can't be told now is no refusal: ExternalEvents comes again."""
    config = Verification(id_token=IdToken(AUDIENCE, jwks_file=str(tmp_path / "missing.json")))
    with pytest.raises(Problem) as caught:
        await verified(await verifier(config, tmp_path / "keys"), token())
    assert (caught.value.code, caught.value.status) == ("issuer-unavailable", 503)


# ---- together


async def test_all_that_is_configured_must_hold(tmp_path: Path) -> None:
    """One of two is not enough."""
    found = await verifier(Verification(shared_key=True, basic=True), tmp_path)
    assert await verified(found, {**login(), **signed(EVENT.body)}) == "body"
    assert await refused(found, login()) == "no-signature"
    assert await refused(found, signed(EVENT.body)) == "wrong-login"
    both = await verifier(Verification(shared_key=True, id_token=ID_TOKEN), tmp_path)
    assert await verified(both, {**token(), **signed(EVENT.body)}) == "body"
    assert await refused(both, {**token(), **signed(EVENT.body, "another")}) == "wrong-signature"
    assert await refused(both, {**login(), **signed(EVENT.body)}) == "no-token"


@pytest.mark.parametrize("config", [SHARED, BASIC, Verification(shared_key=True, basic=True)])
async def test_without_the_keys_nothing_is_taken(config: Verification, tmp_path: Path) -> None:
    """Not even what would be right with an empty key."""
    found = await verifier(config, tmp_path, {})
    with pytest.raises(Problem) as caught:
        await verified(found, {**login("", ""), **signed(EVENT.body, "")})
    assert (caught.value.code, caught.value.status) == ("poslog-secret-missing", 503)
    assert SHARED_KEY not in caught.value.detail
