"""Bodies of requests: JSON whose texts may be templates, and forms."""

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from tenantproxy.oms.requests.quotes import TemplateError
from tenantproxy.oms.requests.templates import (
    Template,
    UnfitError,
    as_it_is,
    compile_template,
    literal,
    url_encoded,
)

MAX_BYTES: Final = 16 * 1024
"""Of a body's template, as JSON."""
MAX_DEPTH: Final = 16

_Node = Any
"""Of a body of JSON: encoded already (`Raw`), a `Template`, or an object or a list of these."""
_LEFT_OUT: Final = object()


class JsonBody:
    """JSON with placeholders in its texts; what no criterion was given for is left out.

    That is a member; an object or a list of which nothing is left; and in a list the whole element that lacks a
    criterion anywhere, as the rest of it would be half a condition.
    """

    content_type: Final = "application/json"

    def __init__(
        self, value: Mapping[str, Any], known: frozenset[str], checked: frozenset[str] = frozenset()
    ) -> None:
        """Compile.

        Raises:
            TemplateError: It can't be used.

        """
        try:
            size = len(msgspec.json.encode(value))
        except (TypeError, ValueError, RecursionError):
            raise TemplateError("can't be written as JSON") from None
        if size > MAX_BYTES:
            raise TemplateError(f"is larger than {MAX_BYTES // 1024} KiB; shorten it")
        self._root = _compile(value, known, checked, MAX_DEPTH)
        self.names = frozenset[str]().union(*(template.names for template in _templates(self._root)))

    def fill(self, values: Mapping[str, str]) -> bytes:
        """Return the body with its values.

        Raises:
            UnfitError: A value can't stand in its place.

        """
        filled = _filled(self._root, values)
        return b"{}" if filled is _LEFT_OUT else msgspec.json.encode(filled)


class FormBody:
    """`name=value` pairs, as in a query and `application/x-www-form-urlencoded`."""

    content_type: Final = "application/x-www-form-urlencoded"

    def __init__(self, fields: Mapping[str, Template]) -> None:
        self._fields = tuple((f"{url_encoded(name)}=", template) for name, template in fields.items())
        self.names = frozenset[str]().union(*(template.names for template in fields.values()))

    def fill(self, values: Mapping[str, str]) -> bytes:
        """Return the pairs with their values; what was given no criterion for is left out.

        Raises:
            UnfitError: A value can't stand in its place.

        """
        return self.text(values).encode()

    def text(self, values: Mapping[str, str]) -> str:
        """Return the same as text."""
        return "&".join(name + value.fill(values) for name, value in self._fields if value.is_wanted(values))


def _compile(
    value: Any,  # noqa: ANN401 - JSON
    known: frozenset[str],
    checked: frozenset[str],
    depth: int,
) -> _Node:
    if not depth:
        raise TemplateError(f"is nested more than {MAX_DEPTH} levels deep; flatten it")
    node: _Node = value
    if isinstance(value, float) and not math.isfinite(value):
        raise TemplateError("has a number that JSON can't have; write a text")
    if isinstance(value, str):
        template = compile_template(value, known, as_it_is, checked=checked)
        return template if template.names else msgspec.Raw(msgspec.json.encode(template.fill({})))
    if isinstance(value, dict):
        node = {literal(name): _compile(each, known, checked, depth - 1) for name, each in value.items()}
    if isinstance(value, list):
        node = [_compile(each, known, checked, depth - 1) for each in value]
    return node if any(True for _ in _templates(node)) else msgspec.Raw(msgspec.json.encode(node))


def _templates(node: _Node) -> Iterator[Template]:
    if isinstance(node, Template):
        yield node
    elif isinstance(node, dict | list):
        for each in node.values() if isinstance(node, dict) else node:
            yield from _templates(each)


def _filled(node: _Node, values: Mapping[str, str]) -> Any:  # noqa: ANN401 - JSON
    if isinstance(node, Template):
        if not node.is_wanted(values):
            return _LEFT_OUT
        text = node.fill(values)
        return int(text) if node.is_number else text
    if isinstance(node, dict):
        members = {name: _filled(each, values) for name, each in node.items()}
        return {name: each for name, each in members.items() if each is not _LEFT_OUT} or _LEFT_OUT
    if isinstance(node, list):
        return [_filled(each, values) for each in node if not _is_dropped(each, values)] or _LEFT_OUT
    return node


def _is_dropped(element: _Node, values: Mapping[str, str]) -> bool:
    """Return whether an element of a list lacks a criterion.

    Raises:
        UnfitError: It has another one, which would be lost with it.

    """
    if (missing := _missing(element, values)) is None:
        return False
    if any(template.optional and template.is_wanted(values) for template in _templates(element)):
        raise UnfitError(missing, "is needed beside the other criteria")
    return True


def _missing(node: _Node, values: Mapping[str, str]) -> str | None:
    """Return a criterion that something lacks; a list lacks one only if nothing of it is left."""
    if isinstance(node, Template):
        return None if node.is_wanted(values) else node.optional[0]
    if isinstance(node, dict):
        return next((name for each in node.values() if (name := _missing(each, values)) is not None), None)
    if isinstance(node, list):
        missing = [_missing(each, values) for each in node]
        return missing[0] if None not in missing else None
    return None
