"""Answers that come through a port-forward."""

import pytest

from tenantproxy.kube.client import UnreachableError
from tenantproxy_operator.fleet.port_forward import Answer, parse

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"


@pytest.mark.parametrize(
    ("received", "answer"),
    [
        (HEAD + b"Content-Length: 2\r\n\r\nok", Answer(200, b"ok")),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", Answer(200, b"ok")),
        (HEAD + b"\r\nto the end", Answer(200, b"to the end")),
        (b"HTTP/1.1 503 Unavailable\r\nContent-Length: 0\r\n\r\n", Answer(503, b"")),
    ],
)
def test_answers(received: bytes, answer: Answer) -> None:
    """However long they say that they are."""
    assert parse(received) == answer


@pytest.mark.parametrize("received", [b"", b"SSH-2.0\r\n", HEAD + b"Content-Length: 5\r\n\r\nok"])
def test_what_is_no_answer(received: bytes) -> None:
    """Nothing, another protocol, one that is cut off."""
    with pytest.raises(UnreachableError):
        parse(received)
