"""Read an OpenAPI or JSON Schema file, JSON or YAML, as plain JSON values.

YAML is read as OpenAPI has it: keys are texts (`200`, `no`), and only JSON's types are there.
"""

import re
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import msgspec

LARGEST_FILE: Final = 16 * 1024 * 1024
DEEPEST: Final = 200
"""Levels of a YAML file; msgspec has a limit of its own for JSON."""

_NULL: Final = frozenset(("", "~", "null", "Null", "NULL"))
_BOOLEANS: Final = {word: word.lower() == "true" for word in ("true", "True", "TRUE", "false", "False", "FALSE")}
_INTEGER: Final = re.compile(r"[-+]?[0-9]{1,100}")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]{1,100}|[0-9]{1,100}(?:\.[0-9]{0,100})?)(?:[eE][-+]?[0-9]{1,3})?")
_TEXT_TAG: Final = "tag:yaml.org,2002:str"


class SchemaError(ValueError):
    """A file can't be used, or says nothing of what is asked; the message says where, why, and what to do."""


def read_file(path: Path) -> Any:  # noqa: ANN401 - JSON
    """Return what is in the file at `path`.

    Raises:
        SchemaError: It can't be read, is too large, or is neither JSON nor YAML.

    """
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise SchemaError(f"can't be read: {error.strerror or error}") from None
    if len(data) > LARGEST_FILE:
        raise SchemaError(f"is larger than {LARGEST_FILE // 1024 // 1024} MiB; cut out what is about orders")
    return parse(data, is_yaml=path.suffix in (".yaml", ".yml"))


def parse(data: bytes, *, is_yaml: bool = False) -> Any:  # noqa: ANN401 - JSON
    """Return what is in `data`; what does not look like JSON is taken for YAML, too.

    Raises:
        SchemaError: It is neither.

    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SchemaError("is not text in UTF-8; is it the right file?") from None
    if is_yaml or not text.lstrip().startswith("{"):
        return _parse_yaml(text)
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise SchemaError(f"is not valid JSON: {error}; correct it") from None
    except RecursionError:
        raise SchemaError("is nested too deeply") from None


def _parse_yaml(text: str) -> Any:  # noqa: ANN401 - JSON
    try:
        # PyYAML comes with the operator, which the proxy's image does not have.
        yaml: Any = import_module("yaml")
    except ImportError:
        raise SchemaError(
            "is YAML, for which PyYAML is missing; install tenantproxy[operator], or convert the file to JSON"
        ) from None
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        builder = _Builder(yaml)
        for event in yaml.parse(text, Loader=loader):
            builder.add(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f" in line {mark.line + 1}" if mark else ""
        raise SchemaError(f"is not valid YAML{line}: {error.problem or error.context}; correct it") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise SchemaError(f"is not valid YAML: {str(error).splitlines()[0]}; correct it") from None
    if len(builder.documents) != 1:
        raise SchemaError(f"has {len(builder.documents)} YAML documents; keep one")
    return builder.documents[0]


class _Builder:
    """Makes the value of YAML's events, without recursion."""

    def __init__(self, yaml: Any) -> None:  # noqa: ANN401 - a module without which there is none
        self._yaml = yaml
        self.documents: list[Any] = []
        self._around: list[tuple[Any, str | None]] = [(self.documents, None)]
        """The lists and objects that are not complete, each with its anchor."""
        self._keys: list[str | None] = [None]
        """Of each of them the key that waits for its value."""
        self._anchors: dict[str, Any] = {}

    def add(self, event: Any) -> None:  # noqa: ANN401
        """Take the next event.

        Raises:
            SchemaError: It is of what JSON does not have.

        """
        yaml = self._yaml
        if isinstance(event, yaml.CollectionStartEvent):
            if len(self._around) > DEEPEST:
                raise SchemaError(f"is nested more than {DEEPEST} levels deep, in {_line(event)}")
            if self._wants_key:
                raise SchemaError(f"has a list or object as a key, in {_line(event)}; keys are texts")
            self._around.append(({} if isinstance(event, yaml.MappingStartEvent) else [], event.anchor))
            self._keys.append(None)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._keys.pop()
            self._put(*self._around.pop(), event)
        elif isinstance(event, yaml.ScalarEvent):
            self._put(event.value if self._wants_key else _scalar(event), event.anchor, event)
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._anchors:
                raise SchemaError(f"has an alias to nothing before it, in {_line(event)}; write it out")
            self._put(self._anchors[event.anchor], None, event)

    @property
    def _wants_key(self) -> bool:
        return isinstance(self._around[-1][0], dict) and self._keys[-1] is None

    def _put(self, value: Any, anchor: str | None, event: Any) -> None:  # noqa: ANN401
        if anchor is not None:
            self._anchors[anchor] = value
        parent, key = self._around[-1][0], self._keys[-1]
        if isinstance(parent, list):
            parent.append(value)
        elif key is not None:
            parent[key] = value
            self._keys[-1] = None
        elif isinstance(value, str) and value != "<<":
            self._keys[-1] = value
        else:
            raise SchemaError(f"has a key that is no text, or `<<`, in {_line(event)}; write it out")


def _scalar(event: Any) -> Any:  # noqa: ANN401
    """Return the value of a scalar; one that is quoted, or has a tag, is a text."""
    text: str = event.value
    if event.tag not in (None, _TEXT_TAG):
        raise SchemaError(f"has a tag (`!…`) in {_line(event)}; remove it")
    if event.style or event.tag == _TEXT_TAG:
        return text
    if text in _NULL:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


def _line(event: Any) -> str:  # noqa: ANN401
    return f"line {event.start_mark.line + 1}"
