"""A web page of another origin reads orders with the browser's own fetch, if the platform team has named it."""

import contextlib
import html
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import pytest
from aiohttp import web

from support.commands import ServeProcess
from support.proxy import tokens
from support.proxy.described import described_proxy, mock_oms
from support.tools import chromium, programs

HERE: Final = Path(__file__).parent
FAILED: Final = "TypeError"
"""What fetch throws where the browser keeps an answer from the page."""


@contextlib.asynccontextmanager
async def origin() -> AsyncIterator[str]:
    """Serve the page; yield its origin."""
    app = web.Application()
    app.router.add_static("/", HERE)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def _got(program: Path, page: str, proxy: ServeProcess, folder: Path) -> Any:
    """Return what the page got from the proxy."""
    query = {
        "api": proxy.api,
        "reader": tokens.machine_token(),
        "admin": tokens.user_token(email=tokens.ADMIN_EMAIL),
    }
    document = await chromium.page(program, f"{page}/page.html?{urlencode(query)}", folder)
    (got,) = re.findall(r'<pre id="got">(.*?)</pre>', document, re.DOTALL)
    return json.loads(html.unescape(got))


async def test_only_named_pages_read(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    """It gets orders, problems and correlation ids, but can't set the credential; any other page gets nothing."""
    program = programs.directory("chromium", pytestconfig) / "chromium"
    async with origin() as named, origin() as other, mock_oms() as oms:
        access = {"cors": {"allowedOrigins": [named]}}
        async with described_proxy(tmp_path, oms, access=access) as proxy:
            assert await _got(program, named, proxy, tmp_path / "named") == {
                "read": [200, True, "customerOrder"],
                "search": [200, True, "customerOrders"],
                "unknown": [404, True, "order-not-found"],
                "expired": [401, True, "unauthenticated"],
                "credential": FAILED,
            }
            assert set((await _got(program, other, proxy, tmp_path / "other")).values()) == {FAILED}
