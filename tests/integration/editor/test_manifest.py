"""A manifest in an editor: a real YAML language server completes, explains and checks it by our JSON Schema."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest

from support.tools import programs
from support.tools.language_server import LanguageServer

ROOT: Final = Path(__file__).parents[3]
PATH: Final = ROOT / "acme.yaml"
"""Of a file that only the editor has."""
_HEAD: Final = f"""\
# yaml-language-server: $schema={(ROOT / "crds/tenantproxy.schema.json").as_uri()}
apiVersion: proxy.hiiretail.com/v1alpha1
kind: TenantProxy
metadata: {{name: acme}}
spec:
  tenantId: T-1
  upstream:
    url: https://oms.example
  mapping:
    getOrder:
      fields:
"""


@pytest.fixture
async def server(pytestconfig: pytest.Config) -> AsyncIterator[LanguageServer]:
    """Return the language server, as an editor starts it."""
    program = programs.directory("yaml_language_server", pytestconfig) / "yaml-language-server"
    async with LanguageServer.running(program) as running:
        yield running


def _manifest(*lines: str) -> str:
    return _HEAD + "".join(f"{' ' * 8}{line}\n" for line in lines)


def _line(manifest: str, line: str) -> int:
    return manifest.splitlines().index(f"{' ' * 8}{line}")


async def test_completion(server: LanguageServer) -> None:
    """A rule has the words of its output field, and fields are known by name."""
    text = _manifest("customerId:", "  from: /id", "  o", "items:", "  e", "m")
    await server.open(PATH, text)
    words = await server.completion(PATH, _line(text, "  o"), 11)
    assert {"orFrom", "join", "part", "default"} <= words.keys()
    assert not words.keys() & {"scale", "each"}, "for amounts, and for lists"
    assert "each" in await server.completion(PATH, _line(text, "  e"), 11)
    assert "minimumDownPaymentAmount" in await server.completion(PATH, _line(text, "m"), 9)


async def test_hover(server: LanguageServer) -> None:
    """A word is explained, by example."""
    text = _manifest("minimumDownPaymentAmount:", "  from: /deposit", "  scale: 2")
    assert await server.open(PATH, text) == []
    assert "1245 with 2 is 12.45" in await server.hover(PATH, _line(text, "  scale: 2"), 11)


async def test_mistakes(server: LanguageServer) -> None:
    """A wrong field, and a word that is for other fields, are marked where they are."""
    text = _manifest("custumerId: {from: /id}", "status: {from: /s, scale: 2}")
    first = _line(text, "custumerId: {from: /id}")
    assert {found["range"]["start"]["line"]: found["message"] for found in await server.open(PATH, text)} == {
        first: "Property custumerId is not allowed.",
        first + 1: "Property scale is not allowed.",
    }


async def test_words_that_do_not_go_together(server: LanguageServer) -> None:
    """Marked at the word that is too much, with what it does not go with."""
    lines = {
        "status: {const: NEW, from: /s}": ["This does not go with `const`, which stands alone; keep one."],
        "customerId: {join: {from: [/a, /b]}, from: /c}": ["This does not go with `join`; keep one."],
        "items: {from: /i, fields: {}}": ["This does not go with `from` in the rule for a list; use `each`."],
        "customerOrderId: {from: /id, values: {a: A}, as: string}": ["This does not go with `values`; keep one."],
    }
    text = _manifest(*lines)
    found = await server.open(PATH, text)
    told: dict[int, list[str]] = {}
    for each in found:
        told.setdefault(each["range"]["start"]["line"], []).append(each["message"])
    assert told == {_line(text, line): messages for line, messages in lines.items()}
    (constant,) = [each for each in found if each["range"]["start"]["line"] == _line(text, next(iter(lines)))]
    assert constant["range"]["start"]["character"] == 8 + len("status: {const: NEW, ")
