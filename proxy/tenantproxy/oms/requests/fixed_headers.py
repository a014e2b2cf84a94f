"""Fixed headers of the platform team: those that can't change what a request is, or who makes it."""

import re
from collections.abc import Mapping
from typing import Final

from tenantproxy import __version__
from tenantproxy.credentials.headers import AUTHORIZATION, RESERVED, RESERVED_BEGIN

MAX_VALUE: Final = 1024
"""Characters."""
ACCEPT: Final = "Accept"
"""What the proxy sets only where a manifest does not: Sylius documents `application/ld+json`."""
OURS: Final = (RESERVED | {AUTHORIZATION}) - {ACCEPT.lower()}
OURS_BEGIN: Final = RESERVED_BEGIN

_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
_VALUE: Final = re.compile(r"[!-~](?:[ -~]*[!-~])?")
_TEMPLATE: Final = re.compile(r"\{[A-Za-z][\w.]*(?:\|\w*)?\}", re.ASCII)
_SECRET: Final = re.compile(r"cookie.*|.*(?:key|passw(?:or)?d|secret|token)", re.IGNORECASE)


def of_the_proxy(tenant_id: str) -> dict[str, str]:
    """Return the headers of every request of a tenant's proxy, whatever its operation."""
    return {"Accept-Encoding": "identity", "Tenant-Id": tenant_id, "User-Agent": f"TenantProxy/{__version__}"}


def as_sent(headers: Mapping[str, str]) -> dict[str, str]:
    """Return an operation's headers, among them the one `Accept`, however it is spelled."""
    accept = {ACCEPT: "application/json"}
    return accept | {ACCEPT if name.lower() == "accept" else name: value for name, value in headers.items()}


def check_header(name: str, value: str) -> None:
    """Check a header that goes with every request of an operation.

    Raises:
        ValueError: With the problem and the fix.

    """
    if not _NAME.fullmatch(name):
        raise ValueError("is not the name of a header (RFC 9110 token of at most 64 characters)")
    if name.lower() in OURS or name.lower().startswith(OURS_BEGIN):
        raise ValueError("is a header that the proxy sets itself; remove it")
    if _SECRET.fullmatch(name):
        raise ValueError("looks like a credential, and this is no place for secrets; remove it")
    if len(value) > MAX_VALUE or not _VALUE.fullmatch(value):
        raise ValueError(f"must be 1 to {MAX_VALUE} characters of visible ASCII, with spaces only in between")
    if found := _TEMPLATE.search(value):
        raise ValueError(f"has {found[0]}, but a header is no template; write a fixed text")
