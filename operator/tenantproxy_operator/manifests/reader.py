"""Read files of YAML documents, or of one JSON document, as plain JSON values.

Stricter than YAML: no duplicate keys, no tags, no merge keys, only strings as keys, bounded size, depth and
aliases. What is accepted means the same to kubectl.
"""

import json
import math
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

import yaml
from yaml.constructor import SafeConstructor

from tenantproxy_operator.manifests.problems import FileProblem, file_problem

LARGEST_FILE: Final = 1024 * 1024
_DEEPEST: Final = 50
_MOST_VALUES: Final = 200_000
"""Per document, aliases counted as often as they are used: a few lines of them can mean billions."""

_TOO_EXACT: Final = "has a number with more digits than Kubernetes keeps; shorten it, or put it in quotes"

_Loader: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C one, where PyYAML was built with it
_SCALARS: Final = SafeConstructor()
_CONSTRUCTORS: Final[dict[str, Callable[[Any], Any]]] = {
    "tag:yaml.org,2002:null": lambda _node: None,
    "tag:yaml.org,2002:bool": _SCALARS.construct_yaml_bool,
    "tag:yaml.org,2002:int": _SCALARS.construct_yaml_int,
    "tag:yaml.org,2002:float": _SCALARS.construct_yaml_float,
    "tag:yaml.org,2002:str": lambda node: node.value,
    # JSON has no dates: what looks like one is text.
    "tag:yaml.org,2002:timestamp": lambda node: node.value,
}


class DocumentError(ValueError):
    """A file can't be read or parsed; `problem` says why and where."""

    def __init__(self, problem: FileProblem) -> None:
        super().__init__(str(problem))
        self.problem = problem


@dataclass(frozen=True)
class Document:
    """One document of a file, with its number (from 1)."""

    path: Path
    number: int
    content: Any


class _InputError(ValueError):
    """Something in the text; `line` is where (from 1, 0 if unknown)."""

    def __init__(self, detail: str, line: int = 0) -> None:
        super().__init__(detail)
        self.detail = detail
        self.line = line


def read_documents(path: Path) -> list[Document]:
    """Return the documents in the file at `path`; empty ones are left out.

    Raises:
        DocumentError: It can't be read, is too large, is not text, or doesn't parse.

    """
    try:
        data = _read(path)
    except OSError as error:
        raise DocumentError(file_problem(path, f"can't be read: {error.strerror or error}")) from None
    except _InputError as error:
        raise DocumentError(file_problem(path, error.detail)) from None
    return parse_documents(data, path)


def parse_documents(data: bytes, path: Path) -> list[Document]:
    """Return the documents in `data`; `path` names it in errors, and says whether it is JSON or YAML.

    Raises:
        DocumentError: See `read_documents`.

    """
    try:
        text = data.decode("utf-8-sig")
        contents = [_parse_json(text)] if path.suffix == ".json" else list(_parse_yaml(text))
        _check_unicode(contents)
    except UnicodeDecodeError:
        raise DocumentError(file_problem(path, "is not text in UTF-8; is it the right file?")) from None
    except _InputError as error:
        place = f"{path}:{error.line}" if error.line else str(path)
        raise DocumentError(file_problem(place, error.detail)) from None
    return [
        Document(path, number, content) for number, content in enumerate(contents, start=1) if content is not None
    ]


def _read(path: Path) -> bytes:
    if not stat.S_ISREG(path.stat().st_mode):  # to open a pipe could block for ever
        raise _InputError("is not a regular file; give a file or a directory")
    with path.open("rb") as file:
        data = file.read(LARGEST_FILE + 1)
    if len(data) > LARGEST_FILE:
        raise _InputError("is larger than 1 MiB; split it")
    return data


def _check_unicode(contents: list[Any]) -> None:
    """Refuse escapes that mean half a character: nothing could be written with it."""
    try:
        json.dumps(contents, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise _InputError("has an escape (`\\ud800` to `\\udfff`) that is not a character; remove it") from None


# ---- JSON


def _parse_json(text: str) -> Any:  # noqa: ANN401 - JSON
    try:
        value = json.loads(
            text, object_pairs_hook=_unique_members, parse_float=_fraction, parse_constant=_refuse_constant
        )
    except json.JSONDecodeError as error:
        raise _InputError(f"is not valid JSON: {error.msg}; correct it", error.lineno) from None
    except RecursionError:
        raise _InputError("is nested too deeply") from None
    except _InputError:
        raise
    except ValueError:
        raise _InputError("has a number with too many digits; put it in quotes") from None
    return value


def _unique_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _InputError(f"has the key `{twice}` twice in one object; remove one")
    return members


def _fraction(text: str) -> float:
    if not _keeps(text):
        raise _InputError(_TOO_EXACT)
    return float(text)


def _keeps(text: str) -> bool:
    """Return whether a number with a fraction or exponent stays what is written, as Kubernetes reads it, too."""
    try:
        return Decimal(text) == Decimal(repr(float(text)))
    except InvalidOperation:
        return True  # YAML has more ways to write one


def _refuse_constant(name: str) -> None:
    raise _InputError(f"has {name}, which is not a JSON number")


# ---- YAML


def _parse_yaml(text: str) -> Iterator[Any]:
    try:
        _check_depth(text)
        for node in yaml.compose_all(text, Loader=_Loader):
            yield _Builder().build(node)
    except yaml.MarkedYAMLError as error:
        mark: Any = error.problem_mark or error.context_mark
        problem = " ".join(part for part in (error.context, error.problem) if part)
        problem = re.sub(r"(alias|anchor|handle) .*", r"\1", problem)  # names may be unquoted passwords
        line = mark.line + 1 if mark else 0
        raise _InputError(f"is not valid YAML: {problem}; correct it", line) from None
    except yaml.YAMLError as error:
        detail = str(error).splitlines()[0]
        raise _InputError(f"is not valid YAML: {detail}; correct it") from None


def _check_depth(text: str) -> None:
    """Refuse deep nesting before anything recurses into it."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _DEEPEST:
                raise _InputError(f"is nested more than {_DEEPEST} levels deep", _line(event))
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


class _Builder:
    """Turn one document's nodes into JSON values, each node once, however often it is aliased."""

    def __init__(self) -> None:
        self._built: dict[int, tuple[Any, int]] = {}
        self._open: set[int] = set()

    def build(self, node: yaml.Node | None) -> Any:  # noqa: ANN401 - JSON
        """Return the value of the document's root node."""
        return None if node is None else self._value(node)[0]

    def _value(self, node: yaml.Node) -> tuple[Any, int]:
        """Return the node's value and how many values that is, aliases written out."""
        key = id(node)
        if key in self._built:
            return self._built[key]
        if key in self._open:
            raise _InputError("has an alias to an enclosing node; write it out", _line(node))
        self._open.add(key)
        value: Any
        match node:
            case yaml.MappingNode():
                value, size = self._mapping(node)
            case yaml.SequenceNode():
                elements = [self._value(child) for child in node.value]
                value, size = [element for element, _ in elements], 1 + sum(count for _, count in elements)
            case _:
                value, size = _scalar(node), 1
        if size > _MOST_VALUES:
            raise _InputError("has too many values, or aliases that multiply; write it out", _line(node))
        self._open.discard(key)
        self._built[key] = value, size
        return value, size

    def _mapping(self, node: yaml.MappingNode) -> tuple[dict[str, Any], int]:
        members: dict[str, Any] = {}
        size = 1
        for key_node, value_node in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                raise _InputError("has a merge key (`<<`), which is not supported; write it out", _line(key_node))
            if key_node.tag != "tag:yaml.org,2002:str":
                name = f"`{key_node.value}`" if isinstance(key_node, yaml.ScalarNode) else "a list or object"
                raise _InputError(f"has the key {name}, which is not a string; put it in quotes", _line(key_node))
            if key_node.value in members:
                raise _InputError(f"has the key `{key_node.value}` twice; remove one", _line(key_node))
            members[key_node.value], count = self._value(value_node)
            size += count
        return members, size


def _scalar(node: yaml.Node) -> Any:  # noqa: ANN401 - JSON
    construct = _CONSTRUCTORS.get(node.tag)
    if construct is None or not isinstance(node, yaml.ScalarNode):
        # The tag is not shown: it may be a password that starts with an exclamation mark.
        raise _InputError("has a tag (`!…`), which is not supported; put the value in quotes", _line(node))
    try:
        value = construct(node)
    except (ValueError, KeyError, IndexError):
        raise _InputError("has a value that does not fit its tag; put it in quotes", _line(node)) from None
    if isinstance(value, float) and not math.isfinite(value):
        raise _InputError("has a number that JSON can't represent; put it in quotes", _line(node))
    if isinstance(value, float) and not _keeps(node.value):
        raise _InputError(_TOO_EXACT, _line(node))
    return value


def _line(node: Any) -> int:  # noqa: ANN401 - a node or an event
    return int(node.start_mark.line) + 1
