"""What a server's `Keep-Alive` header says."""

from math import inf

import pytest

from tenantproxy.transport.keeping import MAX_AGE, promised


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("timeout=5, max=100", 4),
        ("max=100, Timeout = 30", 29),
        ('timeout="15"', 14),
        ("timeout=1", 0.5),
        ("timeout=0", 0),
        ("timeout=" + "9" * 5000, MAX_AGE - 1),
        ("max=100", inf),
        ("notimeout=5", inf),
        ("timeout=-5", inf),
        ("timeout", inf),
        ("", inf),
    ],
)
def test_promised(header: str, seconds: float) -> None:
    """It is used a second less, since a request is on its way, too; what can't be read says nothing."""
    assert promised(header) == seconds
