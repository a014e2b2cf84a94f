"""Issuers' keys and the signatures made with them: only the issuer's own key is accepted."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey

from support.certificates import Authority
from support.proxy.dns import Scripted
from support.proxy.issuer import (
    EC,
    NOW,
    OTHER_EC,
    OTHER_RSA,
    RSA,
    TENANT,
    Clock,
    Publisher,
    b64,
    claims,
    hmac_signed,
    public,
    publishing,
    signed,
    unsigned,
)
from support.proxy.log_lines import log_lines
from support.proxy.oms import RawServer, breaking, http
from support.proxy.tls_server import TlsServer
from support.waiting import PATIENCE, eventually
from tenantproxy import config
from tenantproxy.auth import jwks
from tenantproxy.auth.claims import Caller, verified_caller
from tenantproxy.auth.jwks import (
    MIN_REFRESH_SECONDS,
    REFRESH_SECONDS,
    RETRY_SECONDS,
    KeysError,
    TokenVerifier,
    usable_keys,
)
from tenantproxy.credentials.stores.files import write_keys
from tenantproxy.problems import Problem
from tenantproxy.transport.dns import ThreadedResolver
from tenantproxy.transport.tls import ContextSource

ISSUER = "https://issuer.example/"
RS = {"alg": "RS256", "typ": "JWT", "kid": "rsa"}
ES = {"alg": "ES256", "typ": "JWT", "kid": "ec"}
CLAIMS = claims(ISSUER)
AUTHORITY = Authority()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def publisher() -> Publisher:
    return Publisher(public(RSA, "rsa"), public(EC, "ec"))


@pytest.fixture
async def server(publisher: Publisher) -> AsyncIterator[RawServer]:
    async with publishing(publisher) as running:
        yield running


def issuer(name: str = ISSUER, **where: Any) -> config.Issuer:
    return config.Issuer(issuer=name, audiences=("audience",), kind="user", **where)


def build_verifier(clock: Clock, *issuers: config.Issuer) -> TokenVerifier[Caller]:
    return TokenVerifier(issuers, verified_caller, clock=clock, now=clock)


@pytest.fixture
async def verifier(server: RawServer, clock: Clock) -> AsyncIterator[TokenVerifier[Caller]]:
    built = build_verifier(clock, issuer(jwks_uri=f"{server.url}/jwks.json"))
    yield built
    await built.close()


async def accepted(verifier: TokenVerifier[Caller], token: str) -> bool:
    """Return whether a token is accepted; a refused one is the 401 of an invalid token."""
    try:
        caller = await verifier.verify(f"Bearer {token}")
    except Problem as problem:
        outcome = problem
    else:
        assert caller.tenant == TENANT
        return True
    assert (outcome.status, outcome.reason) == (401, "invalid-token")
    assert 'error="invalid_token"' in outcome.headers["WWW-Authenticate"]
    return False


async def unavailable(verifier: TokenVerifier[Caller], token: str) -> bool:
    """Return whether a token can't be checked now; that is a 503 with `Retry-After`."""
    try:
        await verifier.verify(f"Bearer {token}")
    except Problem as problem:
        outcome = problem
    else:
        return False
    assert (outcome.code, outcome.status) == ("issuer-unavailable", 503)
    assert int(outcome.headers["Retry-After"]) == RETRY_SECONDS
    assert re.fullmatch(r"The [a-z' ]*issuer[a-z ]*\.", outcome.detail)
    return True


# ---- signatures


@pytest.mark.parametrize(("header", "key"), [(RS, RSA), (ES, EC)], ids=["RS256", "ES256"])
async def test_good_token(verifier: TokenVerifier[Caller], header: dict[str, Any], key: RSAKey | ECKey) -> None:
    """A token signed by the issuer's key is accepted, with and without the key's id."""
    assert await accepted(verifier, signed(header, CLAIMS, key))
    assert await accepted(verifier, signed({"alg": header["alg"]}, CLAIMS, key))


def _tampered(token: str) -> str:
    head, _, signature = token.split(".")
    return f"{head}.{b64(json.dumps({**CLAIMS, 'sub': 'somebody-else'}).encode())}.{signature}"


def _cut(token: str, length: int) -> str:
    text, _, signature = token.rpartition(".")
    return f"{text}.{signature[:length]}"


def _with_signature(header: dict[str, Any], signature: bytes) -> str:
    return f"{unsigned(header, CLAIMS)}.{b64(signature)}"


def _with_signature_of(token: str, header: dict[str, Any]) -> str:
    return f"{unsigned(header, CLAIMS)}.{token.rpartition('.')[2]}"


_EMBEDDED = {"jwk": public(OTHER_RSA)}
PUBLIC_PEM = RSA.as_pem(private=False)
FORGED: dict[str, str] = {
    "another RSA key": signed(RS, CLAIMS, OTHER_RSA),
    "another EC key": signed(ES, CLAIMS, OTHER_EC),
    "another key without an id": signed({"alg": "RS256"}, CLAIMS, OTHER_RSA),
    "claims changed": _tampered(signed(RS, CLAIMS, RSA)),
    "claims changed, EC": _tampered(signed(ES, CLAIMS, EC)),
    "header changed": _with_signature_of(signed(RS, CLAIMS, RSA), {**RS, "typ": "at+jwt"}),
    "signature of another token": _with_signature_of(signed(RS, {**CLAIMS, "x": 1}, RSA), RS),
    "signature cut": _cut(signed(RS, CLAIMS, RSA), 340),
    "EC signature cut": _cut(signed(ES, CLAIMS, EC), 84),
    "signature of zeros": _with_signature(RS, bytes(256)),
    "EC signature of zeros": _with_signature(ES, bytes(64)),
    "EC signature of ones": _with_signature(ES, b"\xff" * 64),
    "EC signature too long": _with_signature(ES, bytes(65)),
    "EC signature in DER": _with_signature(ES, b"\x30\x06\x02\x01\x01\x02\x01\x01"),
    "one byte": _with_signature(RS, b"x"),
    "huge signature": _with_signature(RS, b"x" * 4000),
    # algorithm confusion
    "none": f"{unsigned({'alg': 'none', 'kid': 'rsa'}, CLAIMS)}.",
    "none with a signature": _with_signature({"alg": "none", "kid": "rsa"}, b"x"),
    "HS256 with the public key as PEM": hmac_signed({**RS, "alg": "HS256"}, CLAIMS, PUBLIC_PEM),
    "HS256 with the public key as JWK": hmac_signed(
        {**RS, "alg": "HS256"}, CLAIMS, json.dumps(public(RSA, "rsa")).encode()
    ),
    "HS256 with the modulus": hmac_signed({**RS, "alg": "HS256"}, CLAIMS, str(public(RSA)["n"]).encode()),
    "HS256 called RS256": hmac_signed(RS, CLAIMS, PUBLIC_PEM),
    "HS256 with nothing": hmac_signed({**RS, "alg": "HS256"}, CLAIMS, b""),
    "RS512": signed({**RS, "alg": "RS512"}, CLAIMS, RSA),
    "RS512 called RS256": signed(RS, CLAIMS, RSA, "RS512"),
    "PS256": signed({**RS, "alg": "PS256"}, CLAIMS, RSA),
    "PS256 called RS256": signed(RS, CLAIMS, RSA, "PS256"),
    "ES256 with the id of the RSA key": signed({**ES, "kid": "rsa"}, CLAIMS, EC),
    "RS256 with the id of the EC key": signed({**RS, "kid": "ec"}, CLAIMS, RSA),
    "RS256 called ES256": signed({**ES, "kid": "rsa"}, CLAIMS, RSA, "RS256"),
    "ES256 called RS256": signed({**RS, "kid": "ec"}, CLAIMS, EC, "ES256"),
    # keys that the token brings
    "embedded key": signed({**RS, **_EMBEDDED}, CLAIMS, OTHER_RSA),
    "embedded key without an id": signed({"alg": "RS256", **_EMBEDDED}, CLAIMS, OTHER_RSA),
    "embedded key beside a good signature": signed({**RS, **_EMBEDDED}, CLAIMS, RSA),
    "certificate": signed({**RS, "x5c": ["MIIB"]}, CLAIMS, OTHER_RSA),
    # ids
    "unknown id": signed({**RS, "kid": "other"}, CLAIMS, RSA),
    "empty id": signed({**RS, "kid": ""}, CLAIMS, RSA),
    "id in another case": signed({**RS, "kid": "RSA"}, CLAIMS, RSA),
    "id as a path": signed({**RS, "kid": "../../../dev/null"}, CLAIMS, RSA),
    "id as a URL": signed({**RS, "kid": "https://evil.example/key"}, CLAIMS, RSA),
}


@pytest.mark.parametrize("token", FORGED.values(), ids=FORGED)
async def test_forged_token(verifier: TokenVerifier[Caller], token: str) -> None:
    """Whatever a token says of itself, without the issuer's signature by one of two algorithms it is refused."""
    assert not await accepted(verifier, token)
    assert await accepted(verifier, signed(RS, CLAIMS, RSA))
    assert not await accepted(verifier, token)


async def test_wrong_signature_is_told(verifier: TokenVerifier[Caller]) -> None:
    """The challenge says what is wrong with the token."""
    with pytest.raises(Problem) as caught:
        await verifier.verify(f"Bearer {signed(RS, CLAIMS, OTHER_RSA)}")
    assert re.search(r'error_description="has [a-z ]*signature"', caught.value.headers["WWW-Authenticate"])


@pytest.mark.parametrize("name", ["jku", "x5u"])
async def test_key_elsewhere_is_not_fetched(
    verifier: TokenVerifier[Caller], publisher: Publisher, name: str
) -> None:
    """A token that says where its key is, is refused, and nobody goes there."""
    evil = Publisher(public(OTHER_RSA, "rsa"))
    async with publishing(evil) as server:
        token = signed({**RS, name: f"{server.url}/jwks.json"}, CLAIMS, OTHER_RSA)
        assert not await accepted(verifier, token)
    assert (evil.fetches, publisher.fetches) == (0, 0)


BAD_CLAIMS = {
    "expired": {"exp": NOW - 31},
    "no expiry": {"exp": None},
    "not yet valid": {"nbf": NOW + 31},
    "another audience": {"aud": "other"},
    "another issuer": {"iss": "https://evil.example/"},
    "no tenant": {"https://extendaretail.com/tenant": None},
}


@pytest.mark.parametrize("changes", BAD_CLAIMS.values(), ids=BAD_CLAIMS)
async def test_good_signature_is_not_enough(verifier: TokenVerifier[Caller], changes: dict[str, Any]) -> None:
    """A token that the issuer did sign is still refused for what it says."""
    assert not await accepted(verifier, signed(RS, {**CLAIMS, **changes}, RSA))


async def test_unknown_issuer_is_not_asked(verifier: TokenVerifier[Caller], publisher: Publisher) -> None:
    """A token of an unknown issuer, and what is no token, costs no fetch."""
    assert not await accepted(verifier, signed(RS, claims("https://evil.example/"), RSA))
    assert not await accepted(verifier, "garbage")
    assert publisher.fetches == 0


@pytest.mark.parametrize("authorization", [None, "Basic dTpw", "Bearer "])
async def test_no_token(verifier: TokenVerifier[Caller], authorization: str | None) -> None:
    """Without a token the challenge names no error."""
    with pytest.raises(Problem) as caught:
        await verifier.verify(authorization)
    assert caught.value.headers == {"WWW-Authenticate": 'Bearer realm="customer-orders"'}


async def test_issuers_do_not_sign_for_each_other(clock: Clock, tmp_path: Path) -> None:
    """One issuer's key does not do for a token that says it is from another one."""
    for name, key in (("a", RSA), ("b", OTHER_RSA)):
        (tmp_path / name).write_text(json.dumps({"keys": [public(key, "same")]}))
    one, two = (issuer(f"https://{name}.example/", jwks_file=str(tmp_path / name)) for name in ("a", "b"))
    verifier = build_verifier(clock, one, two)
    header = {"alg": "RS256", "kid": "same"}
    assert await accepted(verifier, signed(header, claims(one.issuer), RSA))
    assert await accepted(verifier, signed(header, claims(two.issuer), OTHER_RSA))
    assert not await accepted(verifier, signed(header, claims(one.issuer), OTHER_RSA))
    assert not await accepted(verifier, signed(header, claims(two.issuer), RSA))
    await verifier.close()


# ---- which keys of a set are used


@pytest.mark.filterwarnings("ignore:Key size should be")
async def test_small_rsa_key(verifier: TokenVerifier[Caller], publisher: Publisher) -> None:
    """An RSA key below 2048 bits is not used, even if the issuer publishes it."""
    small = RSAKey.generate_key(1024)
    publisher.keys = [public(RSA, "rsa"), public(small, "small")]
    assert not await accepted(verifier, signed({"alg": "RS256", "kid": "small"}, CLAIMS, small))
    assert await accepted(verifier, signed(RS, CLAIMS, RSA))


@pytest.mark.parametrize("curve", ["P-384", "P-521", "secp256k1"])
async def test_other_curve(verifier: TokenVerifier[Caller], publisher: Publisher, curve: str) -> None:
    """ES256 is P-256 only: a key on another curve signs nothing for us."""
    key = ECKey.generate_key(curve)
    publisher.keys = [public(RSA, "rsa"), public(key, "odd")]
    assert not await accepted(verifier, signed({"alg": "ES256", "kid": "odd"}, CLAIMS, key))
    assert await accepted(verifier, signed(RS, CLAIMS, RSA))


@pytest.mark.parametrize(
    "members",
    [
        {"use": "enc"},
        {"alg": "RS512"},
        {"alg": "PS256"},
        {"alg": "RSA-OAEP-256", "use": "enc"},
        {"key_ops": ["encrypt"]},
    ],
    ids=str,
)
async def test_key_for_something_else(
    verifier: TokenVerifier[Caller], publisher: Publisher, members: dict[str, Any]
) -> None:
    """A key that the issuer publishes for something else than RS256 signatures is not used for them."""
    entry = public(OTHER_RSA, "other", **members)
    if "key_ops" in members:
        del entry["use"]
    publisher.keys = [entry, public(RSA, "rsa")]
    assert not await accepted(verifier, signed({"alg": "RS256", "kid": "other"}, CLAIMS, OTHER_RSA))
    assert await accepted(verifier, signed({"alg": "RS256"}, CLAIMS, RSA))


@pytest.mark.parametrize(
    "members", [{"alg": "RS256"}, {"key_ops": ["verify"]}, {"x5t": "abc", "unknown": 1}], ids=str
)
async def test_key_for_signatures(
    verifier: TokenVerifier[Caller], publisher: Publisher, members: dict[str, Any]
) -> None:
    """A key that says that it is for RS256 signatures, or has parameters that we don't know, is used."""
    entry = public(RSA, "rsa", **members)
    if "key_ops" in members:
        del entry["use"]
    publisher.keys = [entry]
    assert await accepted(verifier, signed(RS, CLAIMS, RSA))


UNUSABLE: dict[str, Any] = {
    "symmetric": OctKey.generate_key(256).as_dict(private=True),
    "unknown type": {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
    "type of the future": {"kty": "ML-DSA", "pub": "x"},
    "no type": {"kid": "x"},
    "type is a list": {"kty": ["RSA"]},
    "RSA without a modulus": {"kty": "RSA", "e": "AQAB"},
    "RSA modulus is a number": {"kty": "RSA", "n": 5, "e": "AQAB"},
    "RSA modulus is no base64": {"kty": "RSA", "n": "!!", "e": "AQAB"},
    "RSA of nothing": {"kty": "RSA", "n": "AQAB", "e": "AQ"},
    "unknown curve": {"kty": "EC", "crv": "P-999", "x": "AA", "y": "AA"},
    "point off the curve": {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
    "kid is a number": {**public(OTHER_RSA), "kid": 5},
    "use is a number": {**public(OTHER_RSA), "use": 5},
    "key_ops is text": {**public(OTHER_RSA), "key_ops": "verify"},
}


@pytest.mark.parametrize("entry", UNUSABLE.values(), ids=UNUSABLE)
async def test_unusable_key_beside_good_ones(
    verifier: TokenVerifier[Caller], publisher: Publisher, entry: Any
) -> None:
    """A key that can't be used, of whatever kind, does not take the others with it (RFC 7517 section 5)."""
    publisher.keys = [entry, *publisher.keys, entry]
    assert await accepted(verifier, signed(RS, CLAIMS, RSA))
    assert await accepted(verifier, signed(ES, CLAIMS, EC))


async def test_symmetric_key_in_the_set(verifier: TokenVerifier[Caller], publisher: Publisher) -> None:
    """An issuer that publishes a symmetric key does not make it good for HS256."""
    secret = OctKey.generate_key(256)
    publisher.keys.append({**secret.as_dict(private=True), "kid": "oct"})
    assert not await accepted(verifier, hmac_signed({"alg": "HS256", "kid": "oct"}, CLAIMS, secret.raw_value))


async def test_one_id_for_two_keys(verifier: TokenVerifier[Caller], publisher: Publisher) -> None:
    """Where two keys share an id, as in a careless rotation, either is tried."""
    publisher.keys = [public(OTHER_RSA, "rsa"), public(RSA, "rsa"), public(EC, "rsa")]
    assert await accepted(verifier, signed(RS, CLAIMS, RSA))
    assert await accepted(verifier, signed(RS, CLAIMS, OTHER_RSA))
    assert await accepted(verifier, signed({**ES, "kid": "rsa"}, CLAIMS, EC))


async def test_keys_without_ids(verifier: TokenVerifier[Caller], publisher: Publisher) -> None:
    """An issuer may publish keys without ids; tokens then have none."""
    publisher.keys = [public(OTHER_RSA), public(RSA)]
    assert await accepted(verifier, signed({"alg": "RS256"}, CLAIMS, RSA))
    assert not await accepted(verifier, signed(RS, CLAIMS, RSA))


# ---- fetching


def unknown(number: int) -> str:
    return signed({**RS, "kid": f"unknown-{number}"}, CLAIMS, OTHER_RSA)


async def test_keys_are_fetched_once(
    verifier: TokenVerifier[Caller], publisher: Publisher, server: RawServer
) -> None:
    """Nothing is fetched until the first token; then one fetch, with nothing of the token in it, serves all."""
    assert publisher.fetches == 0
    tokens = [signed(RS, {**CLAIMS, "sub": str(number)}, RSA) for number in range(10)]
    assert all(await asyncio.gather(*(accepted(verifier, token) for token in tokens)))
    assert publisher.fetches == 1
    (request,) = server.received
    assert (request.method, request.target) == ("GET", "/jwks.json")
    assert request.headers["accept"] == "application/json"
    assert "authorization" not in request.headers


async def test_answer_in_pieces(verifier: TokenVerifier[Caller], publisher: Publisher, server: RawServer) -> None:
    """A key set that comes in pieces is read to its end."""

    async def in_pieces(_request: object, writer: asyncio.StreamWriter) -> None:
        answer = http(200, publisher.document)
        for start in range(0, len(answer), 100):
            writer.write(answer[start : start + 100])
            await writer.drain()
            await asyncio.sleep(0)

    server.play = in_pieces
    assert await accepted(verifier, signed(RS, CLAIMS, RSA))


async def test_large_set(verifier: TokenVerifier[Caller], publisher: Publisher) -> None:
    """A key set of several hundred KiB is taken."""
    publisher.keys += [{"kty": "OKP", "kid": str(number), "x": "y" * 1000} for number in range(500)]
    assert await accepted(verifier, signed(RS, CLAIMS, RSA))


async def test_rotation(verifier: TokenVerifier[Caller], publisher: Publisher, clock: Clock) -> None:
    """A token of a new key makes the keys be fetched, and is accepted; then tokens of the old key are refused."""
    assert await accepted(verifier, signed(RS, CLAIMS, RSA))
    publisher.keys = [public(OTHER_RSA, "next")]
    clock.time += MIN_REFRESH_SECONDS
    assert await accepted(verifier, signed({"alg": "RS256", "kid": "next"}, CLAIMS, OTHER_RSA))
    assert publisher.fetches == 2
    assert not await accepted(verifier, signed(RS, {**CLAIMS, "x": 1}, RSA))


async def test_rotation_is_noticed_without_a_new_token(
    verifier: TokenVerifier[Caller], publisher: Publisher, clock: Clock
) -> None:
    """Old keys are fetched again beside the request that notices it: a withdrawn one is soon not used any more."""
    assert await accepted(verifier, signed(RS, CLAIMS, RSA))
    publisher.keys = [public(OTHER_RSA, "next")]
    clock.time += REFRESH_SECONDS
    assert await accepted(verifier, signed(RS, {**CLAIMS, "x": 1}, RSA))
    await eventually(lambda: publisher.fetches == 2)
    await until_refused(verifier, signed(RS, {**CLAIMS, "x": 2}, RSA))


async def test_unknown_ids_do_not_hammer_the_issuer(
    verifier: TokenVerifier[Caller], publisher: Publisher, clock: Clock
) -> None:
    """However many unknown key ids come, the issuer is asked at most once in 30 s."""
    assert await accepted(verifier, signed(RS, CLAIMS, RSA))
    for number in range(100):
        assert not await accepted(verifier, unknown(number))
    assert publisher.fetches == 1
    for window in range(1, 4):
        clock.time += MIN_REFRESH_SECONDS
        refused = await asyncio.gather(*(accepted(verifier, unknown(number)) for number in range(20)))
        assert not any(refused)
        clock.time += MIN_REFRESH_SECONDS - 1
        assert not await accepted(verifier, unknown(0))
        assert publisher.fetches == 1 + window
        clock.time += 1 - MIN_REFRESH_SECONDS


async def test_wrong_signatures_do_not_hammer_the_issuer(
    verifier: TokenVerifier[Caller], publisher: Publisher, clock: Clock
) -> None:
    """A known key id with a wrong signature costs no fetch at all."""
    assert await accepted(verifier, signed(RS, CLAIMS, RSA))
    clock.time += MIN_REFRESH_SECONDS
    for number in range(20):
        assert not await accepted(verifier, signed(RS, {**CLAIMS, "x": number}, OTHER_RSA))
    assert publisher.fetches == 1


async def test_unknown_id_does_not_delay_others(
    verifier: TokenVerifier[Caller], publisher: Publisher, clock: Clock
) -> None:
    """While the issuer is slow to answer for an unknown key id, tokens of known keys are verified at once."""
    assert await accepted(verifier, signed(RS, CLAIMS, RSA))
    publisher.release = asyncio.Event()
    clock.time += MIN_REFRESH_SECONDS
    waiting = asyncio.create_task(accepted(verifier, unknown(0)))
    await eventually(lambda: publisher.fetches == 2)
    async with asyncio.timeout(PATIENCE):
        assert await accepted(verifier, signed(RS, {**CLAIMS, "x": 1}, RSA))
    assert not waiting.done()
    publisher.release.set()
    assert not await waiting


BROKEN: dict[str, bytes] = {
    "500": http(500),
    "404": http(404),
    "204": b"HTTP/1.1 204 No Content\r\n\r\n",
    "HTML": http(200, b"<html>", content_type="text/html"),
    "empty": http(200),
    "not JSON": http(200, b'{"keys": ['),
    "null": http(200, b"null"),
    "list": http(200, b"[]"),
    "no keys": http(200, b"{}"),
    "keys is null": http(200, b'{"keys": null}'),
    "keys is an object": http(200, b'{"keys": {}}'),
    "keys of text": http(200, b'{"keys": ["x", 5, null]}'),
    "keys of nothing": http(200, b'{"keys": []}'),
    "only unusable keys": http(200, b'{"keys": [{"kty": "oct", "k": "AAAA"}]}'),
    "deep": http(200, b'{"keys": ' + b"[" * 20_000 + b"]" * 20_000 + b"}"),
    "X.509 certificates": http(200, b'{"rsa": "-----BEGIN CERTIFICATE-----"}'),
    "too large": http(200, b'{"keys": [' + b" " * 1_100_000 + b"]}"),
    "not HTTP": b"SSH-2.0-OpenSSH\r\n\r\n",
}


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN)
async def test_broken_answer(
    verifier: TokenVerifier[Caller], server: RawServer, clock: Clock, answer: bytes
) -> None:
    """An answer without a usable key changes nothing: none before there were keys, those at hand after."""
    good, server.play = server.play, breaking(answer)
    assert await unavailable(verifier, signed(RS, CLAIMS, RSA))
    server.play = good
    clock.time += RETRY_SECONDS
    assert await accepted(verifier, signed(RS, CLAIMS, RSA))
    server.play = breaking(answer)
    clock.time += MIN_REFRESH_SECONDS
    assert not await accepted(verifier, unknown(0))
    assert await accepted(verifier, signed(ES, CLAIMS, EC))


@pytest.mark.parametrize(
    ("document", "words"),
    [(b"[]", "no-jwk-set"), (b'{"keys": [', "no-jwk-set"), (b'{"keys": [{"kty": "oct"}]}', "no-usable-key")],
)
def test_why_a_document_can_not_be_used(document: bytes, words: str) -> None:
    """It is no key set, or has no key for us."""
    with pytest.raises(KeysError, match=f"^{words}$"):
        usable_keys(document)


def test_keys_of_a_document() -> None:
    """Each has its id, if it has one, and its algorithm."""
    document = json.dumps({"keys": [public(RSA, "rsa"), public(EC)]}).encode()
    assert [key[:2] for key in usable_keys(document)] == [("rsa", "RS256"), (None, "ES256")]


async def test_redirect_is_not_followed(verifier: TokenVerifier[Caller], publisher: Publisher) -> None:
    """Keys come from where they were configured to be, and nowhere else."""
    elsewhere = Publisher(public(OTHER_RSA, "rsa"))
    async with publishing(elsewhere) as server:
        publisher.answer = http(302, b"", location=f"{server.url}/jwks.json")
        assert await unavailable(verifier, signed(RS, CLAIMS, OTHER_RSA))
    assert elsewhere.fetches == 0


async def test_issuer_down_for_hours(
    verifier: TokenVerifier[Caller], publisher: Publisher, server: RawServer, clock: Clock
) -> None:
    """Once there are keys, an issuer that is down for hours costs no valid token."""
    assert await accepted(verifier, signed(RS, CLAIMS, RSA))
    await server.__aexit__(None, None, None)
    for hour in range(1, 13):
        clock.time += 3600
        token = signed(RS, {**CLAIMS, "exp": clock.time + 3600, "jti": hour}, RSA)
        assert await accepted(verifier, token)
        assert not await accepted(verifier, unknown(hour))
    assert publisher.fetches == 1


async def test_issuer_down_at_the_start(
    verifier: TokenVerifier[Caller], publisher: Publisher, server: RawServer, clock: Clock
) -> None:
    """Until there are keys the answer is 503; the issuer is tried again, but not by every request."""
    publisher.answer = http(503)
    token = signed(RS, CLAIMS, RSA)
    for number in range(20):
        assert await unavailable(verifier, token if number % 2 else unknown(number))
    assert publisher.fetches == 1
    publisher.answer = None
    clock.time += RETRY_SECONDS
    assert await accepted(verifier, token)
    assert len(server.received) == 2


async def test_hanging_issuer(
    verifier: TokenVerifier[Caller], publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hanging issuer is given up on, well within a request's time; all who wait get their answer."""
    monkeypatch.setattr(jwks, "_FETCH_TIMEOUT", 0.05)
    publisher.release = asyncio.Event()
    async with asyncio.timeout(PATIENCE):
        assert all(await asyncio.gather(*(unavailable(verifier, signed(RS, CLAIMS, RSA)) for _ in range(5))))
    assert publisher.fetches == 1


async def test_caller_goes_away(verifier: TokenVerifier[Caller], publisher: Publisher) -> None:
    """A caller that goes away while keys are fetched does not take the others' fetch with it."""
    publisher.release = asyncio.Event()
    first = asyncio.create_task(accepted(verifier, signed(RS, CLAIMS, RSA)))
    await eventually(lambda: publisher.fetches == 1)
    second = asyncio.create_task(accepted(verifier, signed(ES, CLAIMS, EC)))
    await asyncio.sleep(0)
    first.cancel()
    publisher.release.set()
    assert await second
    assert first.cancelled()
    assert publisher.fetches == 1


async def test_close_ends_a_fetch(
    verifier: TokenVerifier[Caller], publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopping does not wait for a hanging issuer."""
    monkeypatch.setattr(jwks, "_FETCH_TIMEOUT", 10 * PATIENCE)
    publisher.release = asyncio.Event()
    waiting = asyncio.create_task(unavailable(verifier, signed(RS, CLAIMS, RSA)))
    await eventually(lambda: publisher.fetches == 1)
    (fetch,) = (task for task in asyncio.all_tasks() if task.get_name() == "fetch of keys")
    async with asyncio.timeout(PATIENCE):
        await verifier.close()
    assert fetch.done()
    assert await waiting


async def test_the_log_tells_of_missing_keys_once(
    verifier: TokenVerifier[Caller], publisher: Publisher, clock: Clock
) -> None:
    """When they begin to miss, for another cause, and when they are there; never what came, or a token."""
    token = signed(RS, {**CLAIMS, "sub": "MARKED"}, RSA)
    good = publisher.answer
    with log_lines() as lines:
        for answer in (http(200, b"MARKED"), http(200, b"MARKED"), http(503, b"MARKED"), good):
            publisher.answer = answer
            await unavailable(verifier, token)
            clock.time += RETRY_SECONDS
        told = lines.of("tenantproxy.state")
    assert [(line["code"], line["issuer"]) for line in told] == [("issuer-unavailable", ISSUER)] * 3
    assert [(line["state"], line.get("reason"), line.get("seconds")) for line in told] == [
        ("begun", "no-jwk-set", None),
        ("changed", "status-503", None),
        ("ended", None, 3 * RETRY_SECONDS),
    ]
    assert "MARKED" not in lines.text
    assert token not in lines.text


async def test_keys_over_tls(
    clock: Clock, publisher: Publisher, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An issuer with https is asked over TLS, and its certificate is checked."""
    token = signed(RS, CLAIMS, RSA)
    async with TlsServer(publisher.play, AUTHORITY.issue("127.0.0.1")) as server:
        unknown_ca = build_verifier(clock, issuer(jwks_uri=f"{server.url}/jwks.json"))
        assert await unavailable(unknown_ca, token)
        assert publisher.fetches == 0
        write_keys(tmp_path / "ca", {"ca.crt": AUTHORITY.pem})
        monkeypatch.setattr(jwks, "_TLS", ContextSource(config.Tls(ca=True), tmp_path, system_cas=True))
        known_ca = build_verifier(clock, issuer(jwks_uri=f"{server.url}/jwks.json"))
        assert await accepted(known_ca, token)


async def test_an_issuer_has_one_resolver(clock: Clock, server: RawServer) -> None:
    """All fetches of an issuer's keys share it, and with it the bound of its threads."""
    verifier = build_verifier(clock, issuer(jwks_uri=f"http://issuer.example:{server.port}/jwks.json"))
    names = Scripted(["127.0.0.1"])
    key_set = verifier._key_sets[ISSUER]
    assert isinstance(key_set._resolver, ThreadedResolver)
    key_set._resolver = names  # type: ignore[assignment]
    assert await accepted(verifier, signed(RS, CLAIMS, RSA))
    assert names.asked == ["issuer.example"]


# ---- files


async def test_keys_from_a_file(tmp_path: Path, clock: Clock) -> None:
    """Keys may come from a file, which is read again as a URL would be."""
    path = tmp_path / "jwks.json"
    verifier = build_verifier(clock, issuer(jwks_file=str(path)))
    token = signed(RS, CLAIMS, RSA)
    assert await unavailable(verifier, token)
    path.write_text(json.dumps({"keys": [public(RSA, "rsa")]}))
    clock.time += RETRY_SECONDS
    assert await accepted(verifier, token)
    path.write_text(json.dumps({"keys": [public(OTHER_RSA, "next")]}))
    clock.time += MIN_REFRESH_SECONDS
    assert await accepted(verifier, signed({"alg": "RS256", "kid": "next"}, CLAIMS, OTHER_RSA))
    path.unlink()
    clock.time += MIN_REFRESH_SECONDS
    assert not await accepted(verifier, unknown(0))
    assert await accepted(verifier, signed({"alg": "RS256", "kid": "next"}, {**CLAIMS, "x": 1}, OTHER_RSA))
    await verifier.close()


async def test_keys_from_the_configuration(clock: Clock) -> None:
    """Keys may stand in the configuration, and are the only ones then."""
    verifier = build_verifier(clock, issuer(jwks={"keys": [public(RSA, "rsa")]}))
    assert await accepted(verifier, signed(RS, CLAIMS, RSA))
    assert not await accepted(verifier, signed(RS, CLAIMS, OTHER_RSA))
    await verifier.close()


# ---- the cache of verified tokens


async def test_verified_token_is_remembered(verifier: TokenVerifier[Caller], clock: Clock) -> None:
    """A token that was verified need not be verified again until it expires, and then it must be."""
    token = signed(RS, CLAIMS, RSA)
    assert verifier.cached(f"Bearer {token}") is None
    caller = await verifier.verify(f"Bearer {token}")
    clock.time = NOW + 3629
    assert verifier.cached(f"Bearer {token}") == caller
    clock.time = NOW + 3630
    assert verifier.cached(f"Bearer {token}") is None
    assert not await accepted(verifier, token)


async def test_only_the_same_token_is_remembered(verifier: TokenVerifier[Caller]) -> None:
    """Nothing but the very token is taken for the one that was verified."""
    token = signed(RS, CLAIMS, RSA)
    assert await accepted(verifier, token)
    for other in (token[:-1], f"{token}A", f"{token}=", token.swapcase(), _tampered(token), f"{token}\udcff"):
        assert verifier.cached(f"Bearer {other}") is None
        assert not await accepted(verifier, other)
        assert verifier.cached(f"Bearer {other}") is None
    assert verifier.cached(token) is None
    assert verifier.cached("") is None


async def test_memory_of_tokens_is_bounded(
    verifier: TokenVerifier[Caller], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many tokens come, few are remembered, and refused ones never; all go on being accepted."""
    monkeypatch.setattr(jwks, "_MAX_CACHED_TOKENS", 5)
    tokens = [signed(ES, {**CLAIMS, "sub": str(number)}, EC) for number in range(12)]
    for token in tokens:
        assert await accepted(verifier, token)
        assert not await accepted(verifier, _tampered(token))
    assert [verifier.cached(f"Bearer {token}") is not None for token in tokens] == [False] * 7 + [True] * 5
    assert await accepted(verifier, tokens[0])


async def until_refused(verifier: TokenVerifier[Caller], token: str) -> None:
    await eventually(lambda: accepted(verifier, token), lambda found: not found, pause=0.001)
