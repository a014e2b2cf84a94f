"""The private parts of aiohttp that our server relies on: an upgrade that changes one fails here, by its name."""

import ast
import inspect
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import http_parser, web_protocol
from aiohttp.web import RequestHandler, Server

from tenantproxy.server import connection, http_server, request_reader
from tenantproxy.server.connection import Connection
from tenantproxy.server.http_server import HttpServer
from tenantproxy.server.request_reader import RequestReader

ATTRIBUTES = {
    "_buffer_paused": "whether reading is paused since a request is queued, or input is held",
    "_force_close": "set, aiohttp's own part of the connection ends and leaves the transport alone",
    "_loop": "the event loop of the connection",
    "_message_tail": "input that aiohttp keeps for after an upgrade",
    "_messages": "the queue of parsed requests and errors, each with its body",
    "_parser": "None: nothing is parsed any more",
    "_paused": "whether writing is paused, as something is unsent",
    "_reading_paused": "whether reading is paused since a body is not taken",
    "_request_count": "how many requests have been parsed",
    "_request_in_progress": "whether a request is being answered",
    "_upgraded": "whether the parser has seen an upgrade",
    "_waiter": "what the connection's task waits with for the next request",
}
"""Slots of a connection, each with what it means to us."""
METHODS = {
    "_drain_helper": "waits until writing is no longer paused",
    "_pause_reading_for_buffer": "pauses reading since input is held",
    "_resume_reading_for_buffer": "ends that",
    "_resume_reading_if_drained": "is called by aiohttp when a request was taken from the queue; overridden",
}
OVERRIDDEN = (
    *("_resume_reading_if_drained", "close", "connection_lost", "connection_made", "data_received"),
    *("finish_response", "force_close", "handle_error", "resume_reading"),
)
"""What our connection does otherwise; aiohttp calls each with the arguments that it has here."""
SERVER_ATTRIBUTES = {
    "_kwargs": "the options of each connection",
    "_loop": "the event loop of the server",
}
SOURCES = (connection, request_reader, http_server)
READ_THIS = "server/ relies on it; read aiohttp's changes of web_protocol.py before raising the pinned version"


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_attribute(name: str) -> None:
    """A connection has a slot of this name."""
    slots = {slot for each in RequestHandler.__mro__ for slot in getattr(each, "__slots__", ())}
    assert name in slots, f"aiohttp's connections have no {name}: {ATTRIBUTES[name]}. {READ_THIS}"


@pytest.mark.parametrize("name", METHODS)
def test_method(name: str) -> None:
    """A connection has a method of this name."""
    assert inspect.isfunction(getattr(RequestHandler, name, None)), f"{name} {METHODS[name]}. {READ_THIS}"


@pytest.mark.parametrize("name", OVERRIDDEN)
def test_overridden_method(name: str) -> None:
    """Ours takes the arguments of aiohttp's, by the same names."""
    theirs, ours = (list(inspect.signature(getattr(of, name)).parameters) for of in (RequestHandler, Connection))
    assert ours == theirs, f"aiohttp's {name} has other parameters. {READ_THIS}"


@pytest.mark.parametrize(
    "name", ["_force_close", "_make_error_handler", "_messages", "_resume_reading_if_drained", "close"]
)
def test_a_connection_s_task_uses(name: str) -> None:
    """The task that answers a connection's requests goes through what we override, and looks at what we set."""
    code: Callable[..., Any] = RequestHandler.start
    assert name in code.__code__.co_names, f"aiohttp's RequestHandler.start no longer uses {name}. {READ_THIS}"


@pytest.mark.parametrize("name", SERVER_ATTRIBUTES)
async def test_server_attribute(name: str) -> None:
    """A server has an attribute of this name."""

    async def handler(request: Any) -> Any:  # noqa: ARG001 - aiohttp's signature
        raise AssertionError

    assert hasattr(Server(handler), name), (
        f"aiohttp's Server has no {name}: {SERVER_ATTRIBUTES[name]}. {READ_THIS}"
    )


def test_parse_error() -> None:
    """What aiohttp queues for input that it can't parse has the error, and can be made by us."""
    error = ValueError()
    assert web_protocol._ErrInfo(400, error, "").exc is error, READ_THIS


def test_the_parser_in_c_can_be_told() -> None:
    """Whether aiohttp parses by its C extension is seen by which parser it has chosen."""
    assert http_parser.HttpRequestParser is not http_parser.HttpRequestParserPy, READ_THIS


def test_nothing_else_is_used() -> None:
    """The tables above name all private attributes that the sources use and that are not our own."""
    own = {name for cls in (Connection, RequestReader, HttpServer) for name in vars(cls)} - set(METHODS)
    used: set[str] = set()
    for module in SOURCES:
        tree = ast.parse(inspect.getsource(module))
        attributes = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
        used |= {node.attr for node in attributes if node.attr.startswith("_") and not node.attr.startswith("__")}
        if module is http_server:
            own |= {node.attr for node in attributes if isinstance(node.ctx, ast.Store)} - set(SERVER_ATTRIBUTES)
    assert used - own == set(ATTRIBUTES) | set(METHODS) | set(SERVER_ATTRIBUTES)
