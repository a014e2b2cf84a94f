"""What an answer of a token endpoint means, in the shapes that real servers send."""

import gzip
import json
import tracemalloc
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantproxy.credentials.authorizer import Failure
from tenantproxy.credentials.oauth2.token_answer import (
    MAX_BYTES,
    MAX_TOKEN_CHARACTERS,
    OAUTH2_ERRORS,
    REASONS,
    is_about_client,
    may_be_style,
    parse_answer,
)
from tenantproxy.credentials.oauth2.token_cache import Token
from tenantproxy.transport.base import UpstreamResponse

BODY = b'{"access_token": "t", "expires_in": 60}'


def answer(body: bytes | dict[str, Any], status: int = 200, **headers: Any) -> UpstreamResponse:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return UpstreamResponse(status, given, body if isinstance(body, bytes) else json.dumps(body).encode())


def failed(reason: str, status: int = 200, *, rejected: bool = False) -> Failure:
    return Failure(rejected=rejected, reason=reason, status=status)


@pytest.mark.parametrize(
    ("expires_in", "lifetime"),
    [
        (3600, 3600.0),
        (0.5, 0.5),
        ("3599", 3599.0),
        (1e300, 10 * 365 * 24 * 3600.0),
        (0, None),
        ("0", None),
        (-1, None),
        ("", None),
        (None, None),
        (True, None),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ([3600], None),
        (10**400, None),
    ],
)
def test_lifetimes(expires_in: Any, lifetime: float | None) -> None:
    """A number or its text, as Entra's first version and UPS have it; anything else says nothing."""
    assert parse_answer(answer({"access_token": "t", "expires_in": expires_in})) == Token("t", lifetime)


@pytest.mark.parametrize("written", ["1e999", "9" * 5000, "-1e999"])
def test_lifetimes_beyond_any_number(written: str) -> None:
    """They say nothing; the token is one."""
    body = f'{{"access_token": "t", "expires_in": {written}}}'
    assert parse_answer(answer(body.encode())) == Token("t", None)


@pytest.mark.parametrize(
    "more",
    [{}, {"token_type": "bearer"}, {"token_type": "BearerToken"}, {"token_type": "JWT"}, {"token_type": None}],
)
def test_any_type_of_token(more: dict[str, Any]) -> None:
    """Apigee says `BearerToken`; what the token is sent as is said by the credential, not by the answer."""
    assert parse_answer(answer({"access_token": "t", **more})) == Token("t", None)


@pytest.mark.parametrize("status", [200, 201, 202, 203, 299])
def test_any_success(status: int) -> None:
    """A server may say that it has created the token."""
    assert parse_answer(answer(BODY, status)) == Token("t", 60.0)


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"\xef\xbb\xbf" + BODY, {}),
        (BODY, {"content_encoding": "identity"}),
        (BODY, {"content_encoding": ""}),
        (gzip.compress(BODY), {"content_encoding": "gzip"}),
        (gzip.compress(b"\xef\xbb\xbf" + BODY), {"content_encoding": "X-GZIP"}),
        (BODY, {"content_encoding": "gzip"}),
        (BODY, {"content_encoding": "br"}),
        (BODY, {"content_encoding": "UTF-8"}),
        (BODY, {"content_encoding": "none"}),
        (gzip.compress(BODY), {}),
        (gzip.compress(BODY), {"content_encoding": "gzip, identity"}),
        (gzip.compress(BODY[:9]) + gzip.compress(BODY[9:]) + b"\0\0", {"content_encoding": "gzip"}),
        (zlib.compress(BODY), {"content_encoding": "deflate"}),
        (BODY[:-1] + b', "name": "cut \\ud83d"}', {}),
        (BODY, {"content_type": "text/html; charset=iso-8859-1"}),
    ],
    ids=[
        "byte order mark",
        "identity",
        "empty",
        "gzip",
        "both",
        "untrue gzip",
        "untrue br",
        "charset",
        "none",
        "gzip alone",
        "gzip twice named",
        "gzip, as gzip reads it",
        "deflate",
        "half of a surrogate pair",
        "untrue type",
    ],
)
def test_how_it_may_come(body: bytes, headers: dict[str, Any]) -> None:
    """Packed though nobody asked for it, with a byte order mark, under another type: it is the same token."""
    assert parse_answer(answer(body, **headers)) == Token("t", 60.0)


@pytest.mark.parametrize(
    ("body", "coding", "reason"),
    [
        (gzip.compress(BODY)[:-9], "gzip", "content-encoding"),
        (b"\x1f\x8b" + BODY, "gzip", "content-encoding"),
        (zlib.compress(BODY)[:-1], "deflate", "content-encoding"),
        (b"[MARKED", "br", "content-encoding"),
        (gzip.compress(BODY + b" " * (MAX_BYTES - len(BODY) + 1)), "gzip", "too-large"),
    ],
    ids=["cut", "broken", "deflate", "brotli", "too large"],
)
def test_what_can_not_be_unpacked(body: bytes, coding: str, reason: str) -> None:
    """It is a failure that says so, and is unpacked no further than its bound."""
    assert parse_answer(answer(body, content_encoding=coding)) == failed(reason)


def test_a_bomb_takes_little_memory() -> None:
    """What is beyond the bound is never unpacked."""
    bomb = answer(gzip.compress(b" " * 50_000_000), content_encoding="gzip")
    tracemalloc.start()
    try:
        parse_answer(bomb)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10 * MAX_BYTES


def test_the_largest_that_is_unpacked() -> None:
    """As large as one that comes unpacked may be."""
    body = BODY + b" " * (MAX_BYTES - len(BODY))
    assert parse_answer(answer(gzip.compress(body), content_encoding="gzip")) == Token("t", 60.0)


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"null", b"access_token=t", b"[" * 100_000, b"\xff", b'"t"'],
    ids=["nothing", "HTML", "list", "null", "form", "deep", "no text", "text"],
)
def test_what_is_not_json(body: bytes) -> None:
    """A page of a firewall, a form: there is no object."""
    assert parse_answer(answer(body)) == failed("not-json")


@pytest.mark.parametrize("body", [{}, {"access_token": ""}, {"access_token": 1}, {"token": "t"}])
def test_no_token(body: dict[str, Any]) -> None:
    """An object, without a token."""
    assert parse_answer(answer(body)) == failed("no-token")


@pytest.mark.parametrize(
    "value",
    ["a\r\nX-Evil: 1", "a b", "\ud83d", "\u00fc", "\x7f", "t" * (MAX_TOKEN_CHARACTERS + 1)],
)
def test_tokens_that_no_header_carries(value: str) -> None:
    """They would be two headers, or too long."""
    assert parse_answer(answer({"access_token": value})) == failed("unusable-token")


def test_the_longest_token() -> None:
    """JWTs with many claims are long."""
    value = "t" * MAX_TOKEN_CHARACTERS
    assert parse_answer(answer({"access_token": value})) == Token(value, None)


@pytest.mark.parametrize("status", [301, 302, 307, 308, 304])
def test_redirects(status: int) -> None:
    """They are not followed: the secret is for the server that was named."""
    assert parse_answer(answer(BODY, status, location="/MARKED")) == failed("redirect", status)


@pytest.mark.parametrize("status", [429, 500, 503, 599])
def test_servers_that_can_not_now(status: int) -> None:
    """It is tried again, after the pause that the server asks for."""
    failure = parse_answer(answer(b"", status, retry_after="7"))
    assert failure == Failure(rejected=False, reason=f"status-{status}", retry_after=7.0, status=status)
    assert parse_answer(answer(b"", status, retry_after="soon")).retry_after == 0.0  # type: ignore[union-attr]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 415, 422])
@pytest.mark.parametrize("error", [*OAUTH2_ERRORS, None, "INVALID_CLIENT", "slow_down", "MARKED", 7])
def test_rejections(status: int, error: Any) -> None:
    """The standard's words are kept, any other is the server's own and only its status is."""
    body = {"error": error, "error_description": "MARKED", "error_uri": "https://MARKED.example"}
    reason = error if error in OAUTH2_ERRORS else f"status-{status}"
    failure = parse_answer(answer(body, status))
    assert failure == failed(reason, status, rejected=True)
    assert "MARKED" not in repr(failure)
    packed = answer(gzip.compress(json.dumps(body).encode()), status, content_encoding="gzip")
    assert parse_answer(packed) == failure


@pytest.mark.parametrize("body", [b"", b"nope", b"[]", b'{"error": {"code": "invalid_client"}}'])
def test_rejections_without_a_word(body: bytes) -> None:
    """Their status is all that is known."""
    assert parse_answer(answer(body, 403, content_encoding="br")) == failed("status-403", 403, rejected=True)


def test_a_success_that_is_none() -> None:
    """Some servers answer 200 with an error: to ask again would be another login."""
    assert parse_answer(answer({"error": "invalid_client"})) == failed("invalid_client", rejected=True)
    assert parse_answer(answer({"error": "no luck"})) == failed("no-token")


@pytest.mark.parametrize(
    ("status", "error", "about_client", "style"),
    [
        (401, None, True, True),
        (401, "unauthorized_client", True, True),
        (400, "invalid_client", True, True),
        (400, "invalid_request", False, True),
        (400, None, False, True),
        (403, None, False, True),
        (404, None, False, True),
        (415, None, False, True),
        (400, "invalid_grant", False, False),
        (400, "invalid_scope", False, False),
        (400, "unauthorized_client", False, False),
        (400, "unsupported_grant_type", False, False),
        (429, None, False, False),
        (503, None, False, False),
        (200, None, False, False),
        (302, None, False, False),
    ],
)
def test_whether_another_style_may_help(
    status: int, error: str | None, *, about_client: bool, style: bool
) -> None:
    """After any 4xx, but not where the server knows the client; of a wrong secret Keycloak says so with 401."""
    failure = parse_answer(answer({} if error is None else {"error": error}, status))
    assert isinstance(failure, Failure)
    assert (is_about_client(failure), may_be_style(failure)) == (about_client, style)


@given(
    status=st.integers(200, 599),
    body=st.binary(max_size=40) | st.sampled_from([BODY, gzip.compress(BODY), b'{"error": "invalid_client"}']),
    coding=st.sampled_from(["identity", "gzip", "br", "\u00fc"]),
)
def test_any_answer_is_a_token_or_a_failure_of_known_words(status: int, body: bytes, coding: str) -> None:
    """Whatever comes, the reasons that metrics count stay a known and small number."""
    parsed = parse_answer(answer(body, status, content_encoding=coding))
    if isinstance(parsed, Failure):
        assert parsed.reason in {*REASONS, "too-large", f"status-{status}"}
        assert parsed.status == status


@pytest.mark.parametrize(
    ("failure", "in_full", "told"),
    [
        (failed("invalid_client", 401, rejected=True), "401 invalid_client", "401 invalid_client"),
        (failed("status-403", 403, rejected=True), "403", "403"),
        (failed("status-503", 503), "503", "503"),
        (failed("redirect", 302), "302 redirect", "302 redirect"),
        (failed("not-json"), "200 not-json", "200 not-json"),
        (Failure(rejected=False, reason="too-large"), "too-large", "too-large"),
        (Failure(rejected=False, reason="internal"), "internal", "internal"),
        (Failure(rejected=False, reason="dns"), "dns", "unreachable"),
        (Failure(rejected=False, reason="http"), "http", "unreachable"),
        (Failure(rejected=False, reason="timeout"), "timeout", "unreachable"),
    ],
)
def test_in_words(failure: Failure, in_full: str, told: str) -> None:
    """The status with the reason; callers get one word for all that brought no answer."""
    assert (failure.in_full, failure.told) == (in_full, told)
