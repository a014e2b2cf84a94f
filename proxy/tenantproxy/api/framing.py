"""What any request must be like before it is looked at."""

import re
from typing import Final

from aiohttp.http_writer import HttpVersion10, HttpVersion11

from tenantproxy.admission import overloaded
from tenantproxy.problems import Problem
from tenantproxy.server.request import Request

_HOST: Final = re.compile(r"(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?")
_ONCE: Final = ("Authorization", "Content-Type", "Host", "Tenant-Id", "Transfer-Encoding")
"""Headers that mean nothing when they come twice."""


def check(request: Request) -> None:
    """Check what must be so whatever is asked for: also that the request had its turn in time.

    Raises:
        Problem: `overloaded`, `malformed-request`.

    """
    if request.refused:  # nothing else is done for it
        raise overloaded("The proxy is busy with other requests.", reason="late")
    headers = request.headers
    if request.version not in (HttpVersion11, HttpVersion10):
        raise Problem("malformed-request", "The request must be of HTTP/1.1 or HTTP/1.0.")
    if len({*map(str.lower, headers)}) < len(headers):
        for name in _ONCE:
            if len(headers.getall(name, ())) > 1:
                raise Problem("malformed-request", f"The header `{name}` must not be repeated.")
    host = headers.get("Host")
    if (host is None and request.version == HttpVersion11) or (host is not None and not _HOST.fullmatch(host)):
        raise Problem("malformed-request", "The header `Host` is missing or malformed.")
    coding = headers.get("Transfer-Encoding")
    if coding is not None and (coding.lower() != "chunked" or request.version != HttpVersion11):
        raise Problem("malformed-request", "The only supported transfer coding is `chunked`, in HTTP/1.1.")
