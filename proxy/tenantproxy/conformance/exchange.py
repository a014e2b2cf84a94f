"""One request and what came of it, as a report may show it: bounded, and without a secret."""

import base64
import json
import re
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import quote, quote_plus

import msgspec

from tenantproxy.transport.base import UpstreamResponse

MAX_SHOWN: Final = 2048
"""Characters of a body."""
MAX_HEADER: Final = 256
"""Characters of a header's value."""
MAX_HEADERS: Final = 40
MASK: Final = "***"
_MIN_SECRET: Final = 4
"""Characters of a secret that is looked for in texts: a shorter one is part of many words."""
_SECRET_HEADERS: Final = re.compile(
    r"authorization|proxy-authorization|cookie|set-cookie|x-hii-signature|.*(?:token|secret|password|api-?key).*",
    re.IGNORECASE,
)


class Exchange(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What was sent, and what came: `status` is None, and `failure` says why, where there was no answer."""

    method: str
    url: str
    request_headers: dict[str, str]
    request_body: str
    status: int | None
    failure: str
    response_headers: dict[str, str]
    response_body: str
    seconds: float


class Mask:
    """Knows what must not be shown, in each form in which it is sent."""

    def __init__(self, secrets: Iterable[str] = (), headers: Iterable[str] = ()) -> None:
        """`headers`: names of those that carry a secret, beside the ones that are known."""
        self._headers = {name.lower() for name in headers}
        self._secrets: dict[str, re.Pattern[str]] = {}
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str) -> None:
        """Show this no more."""
        if len(secret) >= _MIN_SECRET:
            encoded = base64.b64encode(secret.encode("utf-8", "surrogateescape")).decode()
            safe = secret.encode("utf-8", "surrogateescape")
            for form in (secret, encoded, quote(safe, safe=""), quote_plus(safe)):
                escaped, plain = ("".join(map(written, form)) for written in (_escaped, _plain))
                self._secrets[form] = re.compile(f"{escaped}|{plain}")

    def text(self, text: str) -> str:
        """Return a text without any secret."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = self._secrets[secret].sub(MASK, text)
        return text

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Return headers, those that carry a secret without their value; an authorization keeps its scheme."""
        shown = {name: self._value(name, value) for name, value in list(headers.items())[:MAX_HEADERS]}
        more = len(headers) - len(shown)
        return shown | ({"…": f"{more} more headers"} if more > 0 else {})

    def _value(self, name: str, value: str) -> str:
        if name.lower() not in self._headers and not _SECRET_HEADERS.fullmatch(name):
            text = self.text(value)
            return text if len(text) <= MAX_HEADER else f"{text[:MAX_HEADER]}…"
        scheme, space, _ = value.partition(" ")
        return f"{scheme} {MASK}" if space and scheme.lower() in ("basic", "bearer") else MASK


def recorded(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes | None,
    outcome: UpstreamResponse | str,
    seconds: float,
    mask: Mask,
) -> Exchange:
    """Return an exchange as it may be shown; `outcome` is the answer, or why there is none."""
    answer = outcome if isinstance(outcome, UpstreamResponse) else None
    return Exchange(
        method=method,
        url=mask.text(url),
        request_headers=mask.headers(headers),
        request_body=_shown(body or b"", mask),
        status=None if answer is None else answer.status,
        failure="" if isinstance(outcome, UpstreamResponse) else outcome,
        response_headers={} if answer is None else mask.headers(answer.headers),
        response_body="" if answer is None else _shown(answer.body, mask),
        seconds=round(seconds, 6),
    )


def _escaped(char: str) -> str:
    """Return a pattern for a character as any writer of JSON writes it: a backslash never stands for itself.

    So there is one way at most to read a text, and no text makes it slow.
    """
    if char.isascii() and char.isalnum():
        return char
    units = char.encode("utf-16-be", "surrogatepass")
    numbers = "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
    forms = {json.dumps(char)[1:-1], f"\\{char}", *(() if char == "\\" else (char,)), _byte(char)}
    return f"(?:(?i:{re.escape(numbers)})|{'|'.join(map(re.escape, sorted(forms)))})"


def _plain(char: str) -> str:
    """Return a pattern for a character as it is, or as `_shown` writes a byte."""
    return re.escape(char) if char.isascii() else f"(?:{re.escape(char)}|{re.escape(_byte(char))})"


def _byte(char: str) -> str:
    return f"\\x{ord(char):02x}"


def _shown(body: bytes, mask: Mask) -> str:
    # Cut before it is masked, a secret at the cut would be shown in part.
    text = mask.text(body[: 64 * MAX_SHOWN].decode("utf-8", "backslashreplace"))
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}… ({len(body)} bytes in all)"
