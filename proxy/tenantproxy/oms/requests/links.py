"""The next page's address in a `Link` header (RFC 8288): below the base URL, and nowhere else.

The OMS says it, and our credential goes there. So only path and query are taken, of the same origin as the base
URL, and only those that can't lead out of its path.
"""

import re
from typing import Final
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

MAX_BYTES: Final = 8 * 1024
"""Of a header that is read."""
MAX_TARGET: Final = 4 * 1024

_PARAMETER: Final = re.compile(
    r';\s*+(?P<name>[^\s=;,"]*+)(?:\s*+=\s*+(?:"(?P<quoted>(?:[^"\\]|\\.)*+)"|(?P<word>[^\s;,"]*+)))?+'
)
_PARAMETERS: Final = re.sub(r"\?P<\w+>", "?:", _PARAMETER.pattern)
_LINK: Final = re.compile(
    rf"[\s,]*+(?:<(?P<target>[^<>]*+)>(?P<parameters>(?:\s*+{_PARAMETERS})*+))?+\s*+(?:,|\Z)"
)
"""One element of the header's list, of which some may be empty (RFC 9110 section 5.6.1)."""
_TARGET: Final = re.compile(r'[^\x00-\x20\x7f-\uffff"<>\\^`{|}#]++')
_PORTS: Final = {"http": 80, "https": 443}


class LinkError(ValueError):
    """A header can't be followed; the message is read after "the next page"."""


def next_target(header: str, base: str, path: str) -> str | None:
    """Return path and query, below the base URL, of the link with `rel=next`; None: there is none.

    `path` is the request's own, below the base URL: a link may be relative to it.

    Raises:
        LinkError: It can't be read, or leads elsewhere.

    """
    link = _next_link(header)
    if link is None:
        return None
    if len(link) > MAX_TARGET or not _TARGET.fullmatch(link):
        raise LinkError("has no usable address")
    start = base.rstrip("/")
    try:
        url, own = urlsplit(urljoin(start + path, link)), urlsplit(start)
        leaves = _origin(url) != _origin(own)
    except ValueError:
        raise LinkError("has no usable address") from None
    if leaves:
        raise LinkError("is at another origin than the base URL")
    below = url.path.removeprefix(own.path)
    if not url.path.startswith(f"{own.path}/") or _can_leave(below):
        raise LinkError("is not below the base URL")
    return f"{below}?{url.query}" if url.query else below


def _next_link(header: str) -> str | None:
    if len(header) > MAX_BYTES:
        raise LinkError("is in a header that is too long")
    at = 0
    while at < len(header):
        link = _LINK.match(header, at)
        if link is None:
            raise LinkError("is in a malformed header")
        at = link.end()
        if link["target"] is not None and "next" in _relations(link["parameters"]):
            return link["target"]
    return None


def _relations(parameters: str) -> list[str]:
    for parameter in _PARAMETER.finditer(parameters):
        if parameter["name"].lower() == "rel":  # of several the first counts
            return (parameter["quoted"] or parameter["word"] or "").lower().split()
    return []


def _origin(url: SplitResult) -> tuple[str, str | None, int | None]:
    if "@" in url.netloc:
        raise ValueError("user information")
    return url.scheme, url.hostname, url.port or _PORTS.get(url.scheme)


def _can_leave(path: str) -> bool:
    """Return whether a server could read a path as one that leads upwards, or to another host."""
    plain = unquote(path)
    unclear = "%" in plain or "\ufffd" in plain
    return unclear or plain.startswith("//") or any(part in (".", "..") for part in re.split(r"[/\\;]", plain))
