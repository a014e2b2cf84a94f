"""Parse YAML as plain JSON values: no duplicate keys, tags or merge keys, only strings as keys, bounded.

What is accepted means the same to kubectl. What is wrong with single values is told for all of them; where the
text itself can't be parsed, what comes before is still returned.
"""

import math
import re
from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NamedTuple

import yaml
from yaml.constructor import SafeConstructor

from tenantproxy_operator.manifests.lines import Lines, Step

TOO_EXACT: Final = "has a number with more digits than Kubernetes keeps; shorten it, or put it in quotes"
_DEEPEST: Final = 50
_MOST_VALUES: Final = 200_000
"""Per document, aliases counted as often as they are used: a few lines of them can mean billions."""
_MOST_MISTAKES: Final = 100
"""Of one document: beyond that it is no manifest."""

_TOO_DEEP: Final = f"is nested more than {_DEEPEST} levels deep; is it the right file?"
_TAB: Final = "indents with a tab; use spaces"
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


class Mistake(NamedTuple):
    """What is wrong in a text, with the fix; never a value of it, which may be an unquoted password."""

    detail: str
    line: int = 0
    """From 1; 0: not known."""


class Parsed(NamedTuple):
    """One document: its value, where all of it was written, and what is wrong with single values."""

    content: Any
    lines: Lines = Lines()
    mistakes: tuple[Mistake, ...] = ()


class TextError(ValueError):
    """The rest of a text can't be parsed."""

    def __init__(self, mistake: Mistake) -> None:
        super().__init__(mistake.detail)
        self.mistake = mistake


def parse_yaml(text: str) -> Iterator[Parsed]:
    """Yield the documents in a text, empty ones too.

    Raises:
        TextError: What follows can't be parsed.

    """
    try:
        _check_depth(text)
        for node in yaml.compose_all(text, Loader=_Loader):
            yield _Builder().build(node)
    except yaml.MarkedYAMLError as error:
        raise TextError(_said(error, text)) from None
    except yaml.YAMLError as error:
        detail = str(error).splitlines()[0]
        raise TextError(Mistake(f"is not valid YAML: {detail}; correct it")) from None


def keeps(text: str) -> bool:
    """Return whether a number with a fraction or exponent stays what is written, as Kubernetes reads it, too."""
    try:
        return Decimal(text) == Decimal(repr(float(text)))
    except InvalidOperation:
        return True  # YAML has more ways to write one


def _said(error: yaml.MarkedYAMLError, text: str) -> Mistake:
    mark: Any = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else 0
    if line and re.match(r" *\t", text.splitlines()[line - 1] if line <= len(text.splitlines()) else ""):
        return Mistake(_TAB, line)
    problem = " ".join(part for part in (error.context, error.problem) if part)
    if "exceeded maximum nesting" in problem:
        return Mistake(_TOO_DEEP, line)
    problem = re.sub(r"(alias|anchor|handle) .*", r"\1", problem)
    fix = "check the indentation, or put the value in quotes" if "mapping values" in problem else "correct it"
    return Mistake(f"is not valid YAML: {problem}; {fix}", line)


def _check_depth(text: str) -> None:
    """Refuse deep nesting before anything recurses into it."""
    depth = 0
    try:
        for event in yaml.parse(text, Loader=_Loader):
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth > _DEEPEST:
                    raise TextError(Mistake(_TOO_DEEP, _line(event)))
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
    except yaml.YAMLError:
        return  # composing it comes no further either


class _Builder:
    """Turn one document's nodes into JSON values, each node once, however often it is aliased."""

    def __init__(self) -> None:
        self._built: dict[int, tuple[Any, Lines, int]] = {}
        self._open: set[int] = set()
        self._mistakes: list[Mistake] = []

    def build(self, node: yaml.Node | None) -> Parsed:
        """Return what the document's root node means."""
        if node is None:
            return Parsed(None)
        value, lines, _ = self._value(node)
        return Parsed(value, lines, tuple(self._mistakes))

    def _refuse(self, detail: str, node: yaml.Node) -> None:
        self._mistakes.append(Mistake(detail, _line(node)))
        if len(self._mistakes) >= _MOST_MISTAKES:
            raise TextError(Mistake(f"has {_MOST_MISTAKES} mistakes and more; is it the right file?"))

    def _value(self, node: yaml.Node) -> tuple[Any, Lines, int]:
        """Return the node's value, its lines, and how many values that is, aliases written out."""
        key = id(node)
        if key in self._built:
            return self._built[key]
        if key in self._open:
            self._refuse("has an alias to an enclosing node; write it out", node)
            return None, Lines(_line(node)), 1
        self._open.add(key)
        built: tuple[Any, Lines, int]
        match node:
            case yaml.MappingNode():
                built = self._mapping(node)
            case yaml.SequenceNode():
                built = self._sequence(node)
            case _:
                built = self._scalar(node), Lines(_line(node)), 1
        if built[2] > _MOST_VALUES:
            detail = "has too many values, or aliases that multiply; write it out"
            raise TextError(Mistake(detail, _line(node)))
        self._open.discard(key)
        self._built[key] = built
        return built

    def _sequence(self, node: yaml.SequenceNode) -> tuple[list[Any], Lines, int]:
        self._check_tag(node, "seq")
        elements = [self._value(child) for child in node.value]
        inside: dict[Step, Lines] = {index: lines for index, (_, lines, _) in enumerate(elements)}
        return [value for value, _, _ in elements], Lines(_line(node), inside), 1 + sum(n for _, _, n in elements)

    def _mapping(self, node: yaml.MappingNode) -> tuple[dict[str, Any], Lines, int]:
        self._check_tag(node, "map")
        members: dict[str, Any] = {}
        inside: dict[Step, Lines] = {}
        size = 1
        for key_node, value_node in node.value:
            value, lines, count = self._value(value_node)
            size += count
            if wrong := _wrong_key(key_node, members):
                self._refuse(wrong, key_node)
                continue
            members[key_node.value] = value
            inside[key_node.value] = Lines(_line(key_node), lines.inside)
        return members, Lines(_line(node), inside), size

    def _check_tag(self, node: yaml.Node, own: str) -> None:
        if node.tag != f"tag:yaml.org,2002:{own}":
            self._refuse("has a tag (`!…`), which is not supported; remove it", node)

    def _scalar(self, node: yaml.Node) -> Any:  # noqa: ANN401 - JSON
        construct = _CONSTRUCTORS.get(node.tag)
        if construct is None or not isinstance(node, yaml.ScalarNode):
            # The tag is not shown: it may be a password that starts with an exclamation mark.
            self._refuse("has a tag (`!…`), which is not supported; put the value in quotes", node)
            return None
        try:
            value = construct(node)
        except (ValueError, KeyError, IndexError):
            self._refuse("has a value that does not fit its tag; put it in quotes", node)
            return None
        if isinstance(value, float) and not math.isfinite(value):
            self._refuse("has a number that JSON can't represent; write a finite one, or put it in quotes", node)
            return None
        if isinstance(value, float) and not keeps(node.value):
            self._refuse(TOO_EXACT, node)
            return None
        return value


def _wrong_key(node: yaml.Node, members: dict[str, Any]) -> str | None:
    """Return what is wrong with a member's name."""
    if node.tag == "tag:yaml.org,2002:merge":
        return "has a merge key (`<<`), which is not supported; write it out"
    if node.tag != "tag:yaml.org,2002:str":
        name = f"the key `{node.value}`" if isinstance(node, yaml.ScalarNode) else "a list or object as key"
        return f"has {name}, which is not a string; put it in quotes"
    return f"has the key `{node.value}` twice; remove one" if node.value in members else None


def _line(node: Any) -> int:  # noqa: ANN401 - a node or an event
    return int(node.start_mark.line) + 1
