"""Calls from web pages of other origins: CORS (https://fetch.spec.whatwg.org/#http-cors-protocol).

Only the two reads can be called so, and only from the origins that the platform team names. Tokens come in a
header, not in cookies: there are no credentials in the sense of the standard.
"""

from collections.abc import Mapping
from typing import Final

from tenantproxy.api import routes
from tenantproxy.config import Cors
from tenantproxy.problems import Problem
from tenantproxy.server.request import Request

_REQUEST_HEADERS: Final = "Authorization, Content-Type, Correlation-Id, Tenant-Id, traceparent"
_RESPONSE_HEADERS: Final = "Correlation-Id, Incomplete-Results, Retry-After, WWW-Authenticate"
_MAX_AGE: Final = "7200"
"""Seconds for which a browser need not ask again; Chromium takes no more."""


def is_preflight(request: Request) -> bool:
    """Return whether a browser asks if a page may make a call."""
    headers = request.headers
    return request.method == "OPTIONS" and "Origin" in headers and "Access-Control-Request-Method" in headers


class CorsPolicy:
    """Which pages may call."""

    def __init__(self, cors: Cors) -> None:
        self._origins = frozenset(cors.allowed_origins)

    def preflight(self, request: Request) -> Mapping[str, str]:
        """Return the headers that allow the call that a preflight is about.

        Raises:
            Problem: `method-not-allowed`: it is none of the reads; `origin-not-allowed`.

        """
        method = request.headers["Access-Control-Request-Method"]
        operation = routes.match(method, request.raw_path).route.operation
        if operation is None:
            raise Problem(
                "method-not-allowed", "No web page of another origin may call this.", headers={"Allow": ""}
            )
        if request.headers["Origin"] not in self._origins:
            detail = "The page's origin is not among `access.cors.allowedOrigins`."
            raise Problem("origin-not-allowed", detail)
        return {
            "Access-Control-Allow-Methods": operation.method,
            "Access-Control-Allow-Headers": _REQUEST_HEADERS,
            "Access-Control-Max-Age": _MAX_AGE,
        }

    def headers(self, request: Request) -> Mapping[str, str]:
        """Return the headers by which a page may read a response; every response needs them, also a refusal."""
        origin = request.headers.get("Origin")
        if origin not in self._origins:
            return {"Vary": "Origin"}
        return {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Expose-Headers": _RESPONSE_HEADERS,
            "Vary": "Origin",
        }
