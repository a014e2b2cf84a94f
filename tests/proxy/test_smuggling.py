"""Request smuggling: our parser and the OMS can't disagree on where a request ends.

By construction: no header of a client's is ever copied, and bodies are decoded and encoded anew. So whatever
framing a client makes up, the OMS gets requests that we framed.
"""

import json
import re
from pathlib import Path

import pytest

from support.oms import RawServer
from support.proxies import BASIC, SEARCH_PATH, proxy_config, running_proxy

SMUGGLED = b"GET /admin/MARKED HTTP/1.1\r\nHost: oms\r\nX: "
READ = b"GET /api/v1/business-units/BU-1/customer-orders/CO-2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
HEAD = f"POST {SEARCH_PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n".encode()
CHUNKED = b"Transfer-Encoding: chunked\r\n"
BODY = b'{"customerId":"C-1"}'
AS_CHUNK = b"14\r\n" + BODY + b"\r\n0\r\n\r\n"


def length(count: int) -> bytes:
    return b"Content-Length: %d\r\n" % count


ATTACKS = {
    "CL.TE": HEAD + length(len(AS_CHUNK) + len(SMUGGLED)) + CHUNKED + b"\r\n" + AS_CHUNK + SMUGGLED,
    "TE.CL": HEAD + CHUNKED + length(4) + b"\r\n" + b"5e\r\n" + SMUGGLED + b"\r\n0\r\n\r\n",
    "TE.TE": HEAD + CHUNKED + b"Transfer-Encoding: x\r\n\r\n" + AS_CHUNK + SMUGGLED,
    "TE with a space": HEAD + b"Transfer-Encoding : chunked\r\n" + length(3) + b"\r\n" + AS_CHUNK + SMUGGLED,
    "TE with a tab": HEAD + b"Transfer-Encoding:\tchunked\r\n" + length(3) + b"\r\n" + AS_CHUNK + SMUGGLED,
    "TE with a control": HEAD + b"Transfer-Encoding: \x0bchunked\r\n" + length(3) + b"\r\n" + AS_CHUNK + SMUGGLED,
    "TE folded": HEAD + b"Transfer-Encoding:\r\n chunked\r\n" + length(3) + b"\r\n" + AS_CHUNK + SMUGGLED,
    "TE not last": HEAD + b"Transfer-Encoding: chunked, identity\r\n\r\n" + AS_CHUNK + SMUGGLED,
    "TE in HTTP/1.0": HEAD.replace(b"1.1", b"1.0") + CHUNKED + length(3) + b"\r\n" + AS_CHUNK + SMUGGLED,
    "CL twice": HEAD + length(2) + length(len(BODY)) + b"\r\n" + BODY + SMUGGLED,
    "CL twice the same": HEAD + length(len(BODY)) * 2 + b"\r\n" + BODY + SMUGGLED,
    "CL list": HEAD + b"Content-Length: 2, 20\r\n\r\n" + BODY + SMUGGLED,
    "CL with a sign": HEAD + b"Content-Length: +20\r\n\r\n" + BODY + SMUGGLED,
    "CL hexadecimal": HEAD + b"Content-Length: 0x14\r\n\r\n" + BODY + SMUGGLED,
    "CL short": HEAD + length(2) + b"\r\n{}" + SMUGGLED,
    "CL on a GET": READ.replace(b"Connection: close\r\n", length(len(SMUGGLED))) + SMUGGLED,
    "chunk extension": HEAD + CHUNKED + b"\r\n14;x=\r\nGET /admin/MARKED\r\n" + BODY + b"\r\n0\r\n\r\n" + SMUGGLED,
    "chunk size with a sign": HEAD + CHUNKED + b"\r\n-1\r\n" + BODY + b"\r\n0\r\n\r\n" + SMUGGLED,
    "chunk size too large": HEAD + CHUNKED + b"\r\n1" + b"0" * 16 + b"14\r\n" + BODY + b"\r\n0\r\n\r\n" + SMUGGLED,
    "chunk ended by LF": HEAD + CHUNKED + b"\r\n14\n" + BODY + b"\n0\n\n" + SMUGGLED,
    "trailers": HEAD
    + CHUNKED
    + b"\r\n14\r\n"
    + BODY
    + b"\r\n0\r\nHost: oms\r\nTransfer-Encoding: x\r\n\r\n"
    + SMUGGLED,
    "header injection by an id": READ.replace(
        b"CO-2", b"CO-2%20HTTP/1.1%0d%0aX:%20y%0d%0a%0d%0aGET%20/admin/MARKED"
    ),
    "upgrade": READ.replace(b"Connection: close", b"Connection: Upgrade\r\nUpgrade: h2c") + SMUGGLED,
    "pipelined": READ.replace(b"Connection: close\r\n", b"") * 3 + SMUGGLED,
}


@pytest.mark.parametrize("name", ATTACKS)
async def test_the_oms_gets_only_what_we_framed(oms: RawServer, tmp_path: Path, name: str) -> None:
    """No framing trick brings a second request, a foreign header or a foreign byte to the OMS."""
    async with running_proxy(proxy_config(oms.url), tmp_path, BASIC) as proxy:
        answer = await proxy.raw(ATTACKS[name] + b"\r\n\r\n" + READ, wait=0.3)
        assert all(int(status) < 500 for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer))
        for request in oms.received:
            assert request.target.startswith("/business-units/BU-1/customer-orders")
            assert request.headers["authorization"] == "Basic dXNlcjpyaWdodA=="
            assert not request.body or isinstance(json.loads(request.body), dict)
            assert "MARKED" not in str(request)
        # Connections to the OMS are shared by all clients: the next client's answer is its own.
        before = len(oms.received)
        assert (await proxy.get()).json["customerOrder"]["customerOrderId"] == "CO-1"
        assert len(oms.received) == before + 1
