"""What a server's `Keep-Alive` header says."""

from math import inf

import pytest

from tenantproxy.transport.keeping import MAX_AGE, promised


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (b"timeout=5, max=100", 4),
        (b"max=100, Timeout = 30", 29),
        (b'timeout="15"', 14),
        (b"timeout=1", 0.5),
        (b"timeout=0", 0),
        (b"timeout=" + b"9" * 5000, MAX_AGE - 1),
        (b"max=100", inf),
        (b"notimeout=5", inf),
        (b"timeout=-5", inf),
        (b"timeout", inf),
        (b"", inf),
    ],
)
def test_promised(header: bytes, seconds: float) -> None:
    """It is used a second less, since a request is on its way, too; what can't be read says nothing."""
    assert promised(header) == seconds
