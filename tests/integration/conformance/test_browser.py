"""The page of a report in a real Chromium: what people see of it, and that it does nothing."""

import asyncio
import html
import json
import re
from pathlib import Path
from typing import Any, Final

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from support.conformance.reports import HOSTILE, sample
from support.tools import programs
from tenantproxy.conformance.report.html import to_html

OPTIONS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--virtual-time-budget=10000",
    "--dump-dom",
)
# The page itself can run nothing; what frames it is of the same origin, and looks into it.
LOOKING: Final = """<!DOCTYPE html><iframe src="/report" width="360" height="700"></iframe><pre></pre><script>
document.querySelector("iframe").onload = event => {
  const page = event.target.contentDocument, root = page.documentElement, style = getComputedStyle;
  const of = selector => [...page.querySelectorAll(selector)];
  document.querySelector("pre").textContent = JSON.stringify({
    title: page.title,
    headings: of("h1, h2, h3").map(each => each.innerText),
    elements: [...new Set(of("*").map(each => each.localName))].sort(),
    wider: of("*").filter(each => each.getBoundingClientRect().right > root.clientWidth).length,
    failed: style(page.querySelector("article.failed")).borderLeftColor,
    answers: of("pre").map(each => each.innerText),
  });
};
</script>"""


async def _seen(program: Path, profile: Path, page: bytes) -> tuple[dict[str, Any], list[str]]:
    """Return what Chromium makes of a page, and the paths that it has asked for."""
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path_qs)
        body = page if request.path == "/report" else LOOKING.encode()
        return web.Response(body=body, content_type="text/html", charset="utf-8")

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    async with TestServer(app) as server:
        command = (program, *OPTIONS, f"--user-data-dir={profile}", str(server.make_url("/look")))
        process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
        )
        async with asyncio.timeout(60):
            out, _ = await process.communicate()
    found = re.search(r"<pre>(.*?)</pre>", out.decode(), re.DOTALL)
    assert found is not None, out
    seen: dict[str, Any] = json.loads(html.unescape(found[1]))
    return seen, asked


async def test_the_page(pytestconfig: pytest.Config, tmp_path: Path) -> None:
    """It is shown as it should be, also on a telephone; what a server sent is text, and fetches nothing."""
    program = programs.directory("chromium", pytestconfig) / "chromium"
    plain, asked = await _seen(program, tmp_path / "plain", to_html(sample()))
    assert plain["headings"] == [
        "Conformance of an order management system",
        "Failed (1)",
        "order.unknown",
        "Warnings (1)",
        "order.minor-units",
        "Not tried (2)",
        "Passed (1)",
    ]
    assert plain["failed"] == "rgb(198, 40, 40)"
    assert plain["wider"] == 0
    assert {*asked} - {"/favicon.ico"} == {"/look", "/report"}

    text = f"{HOSTILE}<script>document.title = 'run'</script><img src=/fetched>{'long' * 200}"
    hostile, asked = await _seen(program, tmp_path / "hostile", to_html(sample(text)))
    assert hostile["elements"] == plain["elements"]
    assert hostile["wider"] == 0
    assert hostile["title"].startswith("1 failed, 1 warning")
    assert any("<script>document.title = 'run'</script>" in answer for answer in hostile["answers"])
    assert {*asked} - {"/favicon.ico"} == {"/look", "/report"}
