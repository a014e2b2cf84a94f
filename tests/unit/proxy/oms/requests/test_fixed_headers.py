"""Fixed headers: what the platform team may send with each request, and what it may not."""

import pytest

from tenantproxy.oms.requests.fixed_headers import MAX_VALUE, OURS, as_sent, check_header


@pytest.mark.parametrize(
    ("name", "value"),
    [("X-Api-Version", "2"), ("Accept-Language", "sv-SE, en;q=0.5"), ("store", "default"), ("Accept", "a/b")],
)
def test_good_headers(name: str, value: str) -> None:
    """A header of the OMS's own can be sent."""
    check_header(name, value)


@pytest.mark.parametrize(
    "name",
    [
        *sorted(OURS),
        *("Authorization", "HOST", "Content-Type", "content-length", "Content-Anything", "Proxy-Authorization"),
        *("", "a b", "a:b", "a\r\nb", "\u00e4", "x" * 65),
        *("Cookie", "Cookie2", "X-Api-Key", "X-VTEX-API-AppToken", "api_key", "X-Secret", "password"),
    ],
)
def test_bad_names(name: str) -> None:
    """Nothing that is the proxy's own, that means another request, or that looks like a secret."""
    with pytest.raises(ValueError, match=r"^(is|looks) "):
        check_header(name, "x")


@pytest.mark.parametrize(
    "value", ["", " a", "a ", "a\r\nX: y", "a\nb", "a\tb", "\u00e4", "a\x00", "x" * (MAX_VALUE + 1)]
)
def test_bad_values(value: str) -> None:
    """A value is one line of ASCII."""
    with pytest.raises(ValueError, match="visible ASCII"):
        check_header("X-A", value)


@pytest.mark.parametrize("value", ["{businessUnitId}", "a {criteria.x|doubled}"])
def test_a_header_is_no_template(value: str) -> None:
    """What looks like a placeholder would be sent as it is; other braces are."""
    with pytest.raises(ValueError, match=r"has {.*}, but a header is no template; write a fixed text"):
        check_header("X-A", value)
    check_header("X-A", '{"a": 1} {}')


@pytest.mark.parametrize("name", ["Accept", "accept", "ACCEPT"])
def test_accept(name: str) -> None:
    """It is sent once, as the manifest has it, and as JSON where the manifest has none."""
    assert as_sent({"A": "1"}) == {"Accept": "application/json", "A": "1"}
    assert as_sent({name: "application/ld+json", "A": "1"}) == {"Accept": "application/ld+json", "A": "1"}
