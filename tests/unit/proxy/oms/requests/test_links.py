"""The next page's address: found in whatever a `Link` header may be, and never outside of the base URL."""

import contextlib
import re
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantproxy.oms.requests.links import MAX_BYTES, MAX_TARGET, LinkError, next_target

BASE = "https://oms.example/admin/api"
PATH = "/orders.json?limit=2"


def found(header: str, base: str = BASE) -> str | None:
    return next_target(header, base, PATH)


@pytest.mark.parametrize(
    ("header", "target"),
    [
        ("", None),
        (" , ,", None),
        ('<https://oms.example/admin/api/orders.json?page_info=x>; rel="previous"', None),
        (
            '<https://oms.example/admin/api/orders.json?page_info=x&limit=2>; rel="next"',
            "/orders.json?page_info=x&limit=2",
        ),
        ("<https://OMS.example:443/admin/api/o?a[b]=%2F>;rel=NEXT", "/o?a[b]=%2F"),
        ('<https://oms.example/x>; rel="prev", <https://oms.example/admin/api/o>; rel="last next"', "/o"),
        ("<?page=2>; rel=next", "/orders.json?page=2"),
        ("<orders.json?page=2>; rel=next", "/orders.json?page=2"),
        ("</admin/api/more>; rel=next", "/more"),
        ('<https://evil.example/>; title=", <x>; rel=next", </admin/api/o>; title="a\\",b"; rel=next', "/o"),
        ("<https://evil.example/>; rel=prev; rel=next", None),
        ('</admin/api/o> ; rel = "next" ; x', "/o"),
    ],
)
def test_the_next_link(header: str, target: str | None) -> None:
    """By its relation, among others, absolute or relative, with parameters that look like links."""
    assert found(header) == target


def test_a_base_url_without_a_path() -> None:
    """Then all of the origin is below it."""
    assert found("<https://oms.example/o?page=2>; rel=next", "https://oms.example") == "/o?page=2"
    assert found("<https://oms.example/o?page=2>; rel=next", "https://oms.example/") == "/o?page=2"
    with pytest.raises(LinkError):
        found("<https://oms.example//evil.example/o>; rel=next", "https://oms.example")


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("https://evil.example/admin/api/o", "another origin"),
        ("//evil.example/admin/api/o", "another origin"),
        ("http://oms.example/admin/api/o", "another origin"),
        ("https://oms.example:8443/admin/api/o", "another origin"),
        ("https://oms.example.evil.example/admin/api/o", "another origin"),
        ("https://oms.example@evil.example/admin/api/o", "no usable address"),
        ("https://u:p@oms.example/admin/api/o", "no usable address"),
        ("https://oms.example:99999/admin/api/o", "no usable address"),
        ("https://[::1/admin/api/o", "no usable address"),
        ("", "no usable address"),
        ("/admin/api/o#f", "no usable address"),
        ("/admin/api/\u00e9", "no usable address"),
        ("/admin/api/a b", "no usable address"),
        ("/admin/api/a\r\nX: y", "no usable address"),
        ("/admin/api/" + "a" * MAX_TARGET, "no usable address"),
        ("https://oms.example/admin/apix", "not below"),
        ("https://oms.example/admin", "not below"),
        ("https://oms.example/admin/api", "not below"),
        ("../../o", "not below"),
        ("https://oms.example/admin/api/../o", "not below"),
        ("https://oms.example/admin/api/%2e%2E/o", "not below"),
        ("https://oms.example/admin/api/..%2fo", "not below"),
        ("https://oms.example/admin/api/%252e%252e/o", "not below"),
        ("https://oms.example/admin/api/%c0%ae%c0%ae/o", "not below"),
        ("https://oms.example/admin/api/..;/o", "not below"),
        ("https://oms.example/admin/api/a%5c..%5co", "not below"),
    ],
)
def test_elsewhere(address: str, words: str) -> None:
    """Our credential goes nowhere but below the base URL, however a server reads the address."""
    with pytest.raises(LinkError, match=words):
        found(f"<{address}>; rel=next")


@pytest.mark.parametrize(
    "header", ["next", "<a; rel=next", '<a>; rel=next; title="', "<a>; rel=next x", "x" * (MAX_BYTES + 1)]
)
def test_no_links(header: str) -> None:
    """What is no list of links is not guessed at."""
    with pytest.raises(LinkError, match="header"):
        found(header)


pieces = st.sampled_from(
    [*'<>;,"\\= @:?\t[]%#/', "rel", "next", "/admin/api/", "..", "%2e", "https://", "oms.example", "evil.example"]
)


@given(
    st.lists(pieces, max_size=40).map("".join)
    | st.lists(pieces, max_size=12).map(lambda made: f"<{''.join(made)}>; rel=next")
    | st.text()
)
def test_whatever_comes(header: str) -> None:
    """Any header is refused, without a link, or of one below the base URL."""
    try:
        target = found(header)
    except LinkError:
        return
    if target is not None:
        url = urlsplit(urljoin(BASE, unquote(urlsplit(BASE + target).path)))
        assert (url.netloc, urlsplit(BASE + target).netloc) == ("oms.example", "oms.example")
        assert url.path.startswith("/admin/api/")
        assert re.fullmatch(r"/[!-~]*", target)


@pytest.mark.parametrize(
    "piece", ["<", "<>;", ",", '<a>;x="\\"', "<a>;", "<a> ", '<a>; rel="', ";rel=next", "<a>;rel=", "\\"]
)
def test_endless(piece: str) -> None:
    """The longest header of any one piece is read in a time that grows with its length alone."""
    with contextlib.suppress(LinkError):
        assert found((piece * MAX_BYTES)[:MAX_BYTES]) is None
