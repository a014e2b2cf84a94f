"""Which headers a credential may be sent in, and their values."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantproxy.credentials.headers import check_header_name, check_header_value


@pytest.mark.parametrize(
    "name",
    [
        *(
            "X-Shopify-Access-Token",
            "X-VTEX-API-AppKey",
            "X-Auth-Token",
            "x-amz-access-token",
            "apikey",
            "Api_Key",
        ),
        *("Contents", "Hosts", "X-Content-Type", "!#$%&'*+.^_`|~", "k" * 128),
    ],
)
def test_names_that_order_systems_use(name: str) -> None:
    """Any name that HTTP permits is taken, unless it means something to HTTP or to us."""
    assert check_header_name("headerName", name) == []


@pytest.mark.parametrize(
    "name", ["", "X Key", "X-Key:", "X-Key\r\nHost", "X-Schl\u00fcssel", "(x)", "k" * 129, "X-Key\n"]
)
def test_what_is_no_name(name: str) -> None:
    """It could end the header, or the request (RFC 9110 section 5.1)."""
    ((field, detail),) = check_header_name("headerName", name)
    assert field == "headerName"
    assert detail.startswith("is not a header's name; ")


@pytest.mark.parametrize(
    "name",
    [
        *("Host", "Connection", "Keep-Alive", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "Expect"),
        *("Content-Length", "Content-Type", "CONTENT-ENCODING", "Proxy-Authorization", "proxy-connection"),
        *("Range", "If-None-Match", "Via", "Date", "Forwarded", "X-Forwarded-For", "Set-Cookie", "Cookie"),
        *("X-HTTP-Method-Override", "X-Method-Override", "Sec-Fetch-Mode", "Max-Forwards"),
        *("Accept", "Accept-Encoding", "User-Agent", "Tenant-Id", "correlation-id", "traceparent", "tracestate"),
    ],
)
def test_names_that_are_taken(name: str) -> None:
    """A credential can't change how a request is read, where it goes, or what the proxy says of it."""
    ((_, detail),) = check_header_name("headerName", name)
    assert detail.startswith("is a header of HTTP or of the proxy itself; ")


@pytest.mark.parametrize("name", ["Authorization", "AUTHORIZATION"])
def test_authorization_has_types_of_its_own(name: str) -> None:
    """The message names them."""
    ((_, detail),) = check_header_name("headerName", name)
    assert "`basic` or `bearer`" in detail


@given(value=st.text(max_size=20))
def test_values_are_visible_ascii(value: str) -> None:
    """Nothing else passes, so that no value can be two headers."""
    assert (check_header_value("headerValue", value) == []) is bool(re.fullmatch(r"[\x21-\x7e]*", value))


def test_values_are_bounded() -> None:
    """To what servers take."""
    assert check_header_value("headerValue", "v" * 8192) == []
    ((_, detail),) = check_header_value("headerValue", "v" * 8193)
    assert detail == "is longer than 8192 characters; shorten it"
