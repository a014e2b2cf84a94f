"""A language server, as an editor uses it: JSON-RPC over its standard input and output (LSP 3.17)."""

import asyncio
import contextlib
import itertools
import json
from collections import defaultdict
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

from support.waiting import PATIENCE

_SETTINGS: Final = {
    "yaml": {
        "validate": True,
        "hover": True,
        "completion": True,
        # Nothing is fetched: the schema is the file that the manifest names.
        "schemaStore": {"enable": False},
        "kubernetesCRDStore": {"enable": False},
    }
}


class LanguageServer:
    """A running server, and the documents that are open in it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._ids = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._diagnostics: defaultdict[str, asyncio.Queue[Any]] = defaultdict(asyncio.Queue)

    @classmethod
    @contextlib.asynccontextmanager
    async def running(cls, program: Path) -> AsyncIterator["LanguageServer"]:
        """Run one, and end it."""
        process = await asyncio.create_subprocess_exec(
            program, "--stdio", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        server = cls(process)
        reading = asyncio.create_task(server._read())
        try:
            await server._ask("initialize", {"processId": None, "rootUri": None, "capabilities": {}})
            server._tell("initialized", {})
            server._tell("workspace/didChangeConfiguration", {"settings": _SETTINGS})
            yield server
            await server._ask("shutdown", None)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            reading.cancel()

    async def open(self, path: Path, text: str) -> list[dict[str, Any]]:
        """Open a document; return what is wrong with it."""
        document = {"uri": path.as_uri(), "languageId": "yaml", "version": 1, "text": text}
        self._tell("textDocument/didOpen", {"textDocument": document})
        found = await asyncio.wait_for(self._diagnostics[path.as_uri()].get(), PATIENCE)
        return list(found)

    async def completion(self, path: Path, line: int, character: int) -> dict[str, dict[str, Any]]:
        """Return what may be written at a place of an open document, by its label."""
        found = await self._ask("textDocument/completion", _place(path, line, character))
        return {item["label"]: item for item in found["items"]}

    async def hover(self, path: Path, line: int, character: int) -> str:
        """Return what is said of a place of an open document."""
        found = await self._ask("textDocument/hover", _place(path, line, character))
        return str(found["contents"]["value"])

    async def _ask(self, method: str, params: Any) -> Any:
        number = next(self._ids)
        self._answers[number] = asyncio.get_running_loop().create_future()
        self._send({"id": number, "method": method, "params": params})
        return await asyncio.wait_for(self._answers[number], PATIENCE)

    def _tell(self, method: str, params: Any) -> None:
        self._send({"method": method, "params": params})

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0"} | message).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))

    async def _read(self) -> None:
        assert self._process.stdout is not None
        while head := await self._process.stdout.readuntil(b"\r\n\r\n"):
            length = int(head.lower().partition(b"content-length:")[2].split()[0])
            self._take(json.loads(await self._process.stdout.readexactly(length)))

    def _take(self, message: dict[str, Any]) -> None:
        if "method" not in message:
            answer = self._answers.pop(message["id"])
            if "error" in message:
                answer.set_exception(RuntimeError(message["error"]["message"]))
            else:
                answer.set_result(message["result"])
        elif message["method"] == "textDocument/publishDiagnostics":
            self._diagnostics[message["params"]["uri"]].put_nowait(message["params"]["diagnostics"])
        elif "id" in message:
            self._send({"id": message["id"], "result": None})  # it asks what our editor can do


def _place(path: Path, line: int, character: int) -> dict[str, Any]:
    return {"textDocument": {"uri": path.as_uri()}, "position": {"line": line, "character": character}}
