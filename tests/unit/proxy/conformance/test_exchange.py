"""What a report shows of an exchange: bounded, and no secret in any form."""

import base64
import json
from urllib.parse import quote, quote_plus

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tenantproxy.conformance.exchange import MASK, MAX_HEADER, MAX_HEADERS, MAX_SHOWN, Exchange, Mask, recorded
from tenantproxy.transport.base import UpstreamResponse

SECRET = "s3cret+/ü"
SECRETS = st.text(st.characters(codec="utf-8"), min_size=4, max_size=40)


def _recorded(
    secret: str = SECRET,
    *,
    headers: dict[str, str] | None = None,
    body: bytes = b"",
    answer: UpstreamResponse | str = "timeout",
    named: tuple[str, ...] = (),
) -> Exchange:
    mask = Mask([secret], named)
    return recorded("POST", "https://oms.example/x", headers or {}, body, answer, 0.1, mask)


def test_headers_that_carry_a_secret() -> None:
    """Of an authorization the scheme is shown, of a key's header nothing, of others the value."""
    shown = _recorded(
        headers={"Authorization": "Basic eA==", "X-App": "k", "X-Auth-Token": "t", "Tenant-Id": "T"},
        named=("x-app",),
    ).request_headers
    assert shown == {"Authorization": f"Basic {MASK}", "X-App": MASK, "X-Auth-Token": MASK, "Tenant-Id": "T"}


def test_an_answer_that_repeats_a_secret() -> None:
    """An OMS that shows what it got shows it to nobody."""
    secret = SECRET
    echoed = " ".join(
        [secret, base64.b64encode(secret.encode()).decode(), quote(secret, safe=""), quote_plus(secret)]
    )
    answer = UpstreamResponse(200, {"x-echo": echoed, "set-cookie": "session=1"}, echoed.encode())
    exchange = _recorded(secret, answer=answer)
    assert exchange.response_body == " ".join([MASK] * 4)
    assert exchange.response_headers == {"x-echo": " ".join([MASK] * 4), "set-cookie": MASK}


@settings(max_examples=30)
@given(SECRETS)
def test_a_secret_in_json(secret: str) -> None:
    """However a writer of JSON escapes what it repeats, nothing of it is shown."""

    def escaped(char: str, form: str) -> str:
        units = char.encode("utf-16-be")
        pairs = (int.from_bytes(units[at : at + 2]) for at in range(0, len(units), 2))
        return char if char.isascii() and char.isalnum() else "".join(f"\\u{pair:{form}}" for pair in pairs)

    texts = [json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]]
    texts += ["".join(escaped(char, form) for char in secret) for form in ("04x", "04X")]
    assert [Mask([secret]).text(text) for text in texts] == [MASK] * 4


def test_a_secret_in_latin_1() -> None:
    """An OMS that repeats it in another encoding than UTF-8 does not show it, either."""
    answer = UpstreamResponse(400, {}, SECRET.encode("latin-1"))
    assert _recorded(answer=answer).response_body == MASK


@settings(max_examples=30)
@given(SECRETS)
@example("\\" * 40).via("each of them might have been read as one half of an escaped one")
def test_no_secret_is_shown(secret: str) -> None:
    """In a form, a URL or plain text, no secret of four characters or more is left."""
    body = f"client_secret={quote_plus(secret)}&other={secret}".encode()
    mask = Mask([secret])
    exchange = recorded("POST", f"https://h/?k={quote(secret, safe='')}", {}, body, "timeout", 0.1, mask)
    without = exchange.request_body.replace(MASK, "") + exchange.url.replace(MASK, "")
    frame = "client_secret=&other=https://h/?k="
    assert secret not in without or secret in frame


def test_bounds() -> None:
    """A long body is cut, and its size is said; no half of a secret stands at the cut."""
    secret = "top-secret-value"
    body = b"x" * (MAX_SHOWN - 8) + secret.encode() + b"y" * 10_000_000
    exchange = _recorded(secret, answer=UpstreamResponse(200, {}, body))
    assert exchange.response_body.endswith(f"… ({len(body)} bytes in all)")
    assert len(exchange.response_body) < MAX_SHOWN + 50
    assert "top" not in exchange.response_body


def test_many_headers() -> None:
    """Of many headers, and of long ones, some are shown."""
    answer = UpstreamResponse(200, {f"x-{index}": "v" * 1000 for index in range(100)}, b"")
    shown = _recorded(answer=answer).response_headers
    assert len(shown) == MAX_HEADERS + 1
    assert shown["…"] == "60 more headers"
    assert len(shown["x-0"]) == MAX_HEADER + 1


def test_what_is_no_text() -> None:
    """Bytes that are no UTF-8 are written out."""
    assert _recorded(answer=UpstreamResponse(200, {}, b"\xff\x00")).response_body == "\\xff\x00"


def test_no_answer() -> None:
    """Without an answer there is the reason."""
    exchange = _recorded()
    assert (exchange.status, exchange.failure, exchange.response_headers) == (None, "timeout", {})
