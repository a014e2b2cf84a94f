"""A mapping written a second time: slowly, over plain dicts and `decimal`, to hold the fast one against.

It shares nothing with it but the outward shapes. Numbers are kept as they are written until they are counted with.
"""

import contextlib
import json
import re
from collections.abc import Iterator
from decimal import Context, Decimal
from typing import Any, Final, NamedTuple

import msgspec

from tenantproxy.orders.transform import outward_type

MISSING: Final = object()
EXACT: Final = Context(prec=500)
NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,18})?")


class Number(NamedTuple):
    """A number, as it is written."""

    text: str


class NoListError(Exception):
    """There is something else in a list's place."""


class WrongError(Exception):
    """A value doesn't fit its rule."""


def parsed(body: bytes) -> Any:
    """Return JSON with its numbers as they are written."""
    return json.loads(body, parse_int=Number, parse_float=Number)


def exact(body: bytes) -> Any:
    """Return JSON with its numbers as decimals."""
    return json.loads(body, parse_int=Decimal, parse_float=Decimal)


class SlowMapping:
    """One pass of an operation's rules, as a manifest has them, over one answer."""

    def __init__(self, answer: Any, shape: Any, criteria: dict[str, str]) -> None:
        self.answer = answer
        self.criteria = criteria
        self.shape = shape
        self.violations: set[str] = set()

    def outward(self, rules: dict[str, Any], root: str) -> Any:
        """Return what is at the outward root; nothing of it counts if there are violations."""
        kind, inner = outward_type(self.shape)
        rules = {"root": root, "fields": {}, **rules}
        made: Any = MISSING
        if kind == "list":
            with contextlib.suppress(NoListError):
                made = self._list(self.answer, {**rules, "each": rules["root"]}, inner, root)
        elif isinstance(value := at(self.answer, steps(rules["root"])), dict):
            made = self._object(value, rules["fields"], inner, root)
        if made is MISSING:
            self.violations.add(root)
            return MISSING
        return self._held(made, self.shape, root)

    def _objects(self, elements: list[Any], rules: dict[str, Any], shape: Any, path: str) -> list[Any]:
        made: list[Any] = []
        for index, element in enumerate(elements):
            if isinstance(element, dict):
                made.append(self._object(element, rules, shape, f"{path}/{index}"))
            else:
                self.violations.add(f"{path}/{index}")
                made.append(None)
        return made

    def _object(self, of: Any, rules: dict[str, Any], shape: Any, path: str) -> dict[str, Any]:
        made = {}
        for field in msgspec.structs.fields(shape):
            rule = rules.get(field.name, {})
            try:
                value = self._value(of, rule, field, f"{path}/{field.name}")
            except (WrongError, NoListError):
                self.violations.add(f"{path}/{field.name}")
                continue
            if value is MISSING and "default" in rule:
                value = rule["default"]
            if value is not MISSING:
                made[field.name] = value
        return made

    def _value(self, of: Any, rule: dict[str, Any], field: msgspec.structs.FieldInfo, path: str) -> Any:
        """Return what a rule makes; MISSING: there is nothing, so that the default stands in."""
        kind, inner = outward_type(field.type)
        own = "/" + field.name
        if "const" in rule or "criterion" in rule:
            return rule["const"] if "const" in rule else self.criteria.get(rule["criterion"], MISSING)
        if "pick" in rule:
            of = self._picked(of, rule["pick"])
        if "table" in rule:
            return self._of_table(of, rule)
        if "fields" in rule and kind == "list":
            return self._list(of, {"each": own, **rule}, inner, path)
        value = (
            self._joined(of, rule)
            if "join" in rule
            else first(of, [rule.get("from", own), *rule.get("orFrom", [])], rule.get("nullIf", []))
        )
        if not there(value):
            return MISSING
        if "fields" not in rule:
            return converted(value, rule, of)
        if not isinstance(value, dict):
            raise WrongError
        return self._object(value, rule["fields"], inner, path)

    def _list(self, of: Any, rule: dict[str, Any], shape: Any, path: str) -> Any:
        start = self.answer if rule.get("within") == "document" else of
        pointers = [rule["each"], *rule.get("andEach", [])]
        lists = [spread(start, steps(each), single=rule.get("as") == "single") for each in pointers]
        if all(elements is MISSING for elements in lists):
            return MISSING
        elements = [element for elements in lists if elements is not MISSING for element in elements]
        kept = [element for element in elements if self._hold(element, rule.get("where", []), of)]
        return self._objects(kept, rule["fields"], shape, path)

    def _joined(self, of: Any, rule: dict[str, Any]) -> Any:
        texts = []
        for pointer in rule["join"]["from"]:
            value = at(of, steps(pointer))
            if not there(value):
                return MISSING
            texts.append(text_of(value) if rule.get("as") == "string" else value)
        if not all(isinstance(part, str) for part in texts):
            raise WrongError
        return rule["join"].get("with", "").join(texts)

    def _of_table(self, of: Any, rule: dict[str, Any]) -> Any:
        values = [at(of, steps(pointer)) for pointer in rule["table"]["from"]]
        rows = rule["table"]["rows"]
        best = None
        for row in rows:
            fits = all(
                word == "*" or (not there(value) if word is None else is_word(word, value))
                for word, value in zip(row["when"], values, strict=True)
            )
            # The more exact row has its words further to the left; admission has seen to it that there is one.
            exactness = [word != "*" for word in row["when"]]
            if fits and (best is None or exactness > best[0]):
                best = (exactness, row["value"])
        return MISSING if best is None else best[1]

    def _picked(self, of: Any, pick: dict[str, Any]) -> Any:
        start = self.answer if pick.get("within") == "document" else of
        try:
            elements = spread(start, steps(pick["each"]), single="*" not in steps(pick["each"]))
        except NoListError:
            return MISSING
        for element in [] if elements is MISSING else elements:
            if self._hold(element, pick["where"], of):
                return element
        return MISSING

    def _hold(self, element: Any, conditions: list[dict[str, Any]], of: Any) -> bool:
        for condition in conditions:
            value = at(element, steps(condition["from"]))
            if "absent" in condition:
                held = there(value) != condition["absent"]
            elif "sameAs" in condition:
                held = is_same(value, at(of, steps(condition["sameAs"])))
            elif "in" in condition:
                held = any(is_word(word, value) for word in condition["in"])
            else:
                held = not any(is_word(word, value) for word in condition["notIn"])
            if not held:
                return False
        return True

    def _held(self, value: Any, expected: Any, path: str) -> Any:
        """Return what the contract lets out of a value."""
        kind, inner = outward_type(expected)
        if kind == "list" and isinstance(value, list):
            return [self._held(element, inner, f"{path}/{index}") for index, element in enumerate(value)]
        if kind == "object" and isinstance(value, dict):
            made = {}
            for field in msgspec.structs.fields(inner):
                member = value.get(field.name, MISSING)
                if there(member):
                    made[field.name] = self._held(member, field.type, f"{path}/{field.name}")
                elif field.required:
                    self.violations.add(f"{path}/{field.name}")
            return made
        if kind == "string" and isinstance(value, str):
            return value
        if kind == "boolean" and isinstance(value, bool):
            return value
        if kind == "number" and isinstance(value, int | Decimal | Number) and not isinstance(value, bool):
            return Decimal(value.text if isinstance(value, Number) else value)
        self.violations.add(path)
        return MISSING


# ---- single values


def converted(value: Any, rule: dict[str, Any], of: Any) -> Any:
    """Return a value that is there as a rule wants it."""
    if rule.get("as") == "string":
        value = text_of(value)
    if "part" in rule:
        value = part_of(value, rule["part"])
    if "values" in rule:
        meant = [meant for word, meant in rule["values"].items() if is_word(word, value)]
        if not meant and "default" not in rule:
            raise WrongError
        return meant[0] if meant else MISSING
    if rule.keys() & {"scale", "scaleFrom", "negate"} or rule.get("as") == "number":
        return number_of(value, rule, of)
    return value


def number_of(value: Any, rule: dict[str, Any], of: Any) -> Decimal:
    """Return the number that is meant by a number, or by a text where a rule says so."""
    if rule.get("as") == "number" and isinstance(value, str) and len(value) <= 100 and NUMBER.fullmatch(value):
        value = Number(value)
    if not isinstance(value, Number):
        raise WrongError
    places = rule.get("scale", 0)
    if "scaleFrom" in rule:
        written = at(of, steps(scale_pointer(of, rule)))
        fitting = [places for places in range(21) if is_word(str(places), written)]
        if not fitting:
            raise WrongError
        (places,) = fitting
    number = EXACT.scaleb(Decimal(value.text), -places)
    return EXACT.minus(number) if rule.get("negate") else number


def scale_pointer(of: Any, rule: dict[str, Any]) -> str:
    """Return the pointer to the places of the amount that is taken."""
    pointer: str = rule["scaleFrom"]
    if pointer.startswith("/"):
        return pointer
    sources = [rule["from"], *rule.get("orFrom", [])]
    taken: str = next(source for source in sources if first(of, [source], rule.get("nullIf", [])) is not MISSING)
    return taken[: taken.rindex("/")] + pointer.removeprefix("1")


def text_of(value: Any) -> str:
    """Return a single value's text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Number):
        return value.text
    if isinstance(value, str):
        return value
    raise WrongError


def part_of(value: Any, part: dict[str, str]) -> str:
    """Return what is between delimiters."""
    if not isinstance(value, str):
        raise WrongError
    if "after" in part:
        begin = value.find(part["after"])
        length = len(part["after"])
    else:
        begin = value.rfind(part["afterLast"]) if "afterLast" in part else 0
        length = len(part.get("afterLast", ""))
    if begin < 0:
        raise WrongError
    rest = value[begin + length :]
    if "before" not in part:
        return rest
    end = rest.find(part["before"])
    if end < 0:
        raise WrongError
    return rest[:end]


def is_word(word: str, value: Any) -> bool:
    """Return whether a word stands for a value."""
    if isinstance(value, bool):
        return word == ("true" if value else "false")
    if isinstance(value, Number):
        return bool(NUMBER.fullmatch(word)) and Decimal(word) == Decimal(value.text)
    return isinstance(value, str) and word == value


def is_same(one: Any, other: Any) -> bool:
    """Return whether two values have the same word."""
    if isinstance(one, Number) and isinstance(other, Number):
        return Decimal(one.text) == Decimal(other.text)
    single = (str, bool)
    texts = [text_of(value) for value in (one, other) if isinstance(value, single)]
    return len(texts) == 2 and texts[0] == texts[1]


# ---- places


def steps(pointer: str) -> list[str]:
    """Return the steps of a pointer."""
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


def there(value: Any) -> bool:
    """Return whether there is something, other than null."""
    return value is not MISSING and value is not None


def first(of: Any, pointers: list[str], nulls: list[str]) -> Any:
    """Return the first value that is there, and none of the words that are as good as null."""
    values = [at(of, steps(pointer)) for pointer in pointers]
    found = (value for value in values if there(value) and not any(is_word(word, value) for word in nulls))
    return next(found, MISSING)


def at(value: Any, way: list[str]) -> Any:
    """Return what is at the end of a way."""
    for step in way:
        if isinstance(value, dict):
            value = value.get(step, MISSING)
        elif isinstance(value, list) and re.fullmatch("0|[1-9][0-9]{0,8}", step) and int(step) < len(value):
            value = value[int(step)]
        else:
            return MISSING
    return value


def spread(value: Any, way: list[str], *, single: bool) -> Any:
    """Return the elements of all lists at the end of a way; MISSING: there is none."""
    before = way.index("*") if "*" in way else len(way)
    value = at(value, way[:before])
    if not there(value):
        return MISSING
    if before == len(way):
        if isinstance(value, dict) and not single:
            raise NoListError
        return list(_members(value, single=single))
    members = list(_members(value, single=single))
    if before == len(way) - 1:
        return members
    found = [spread(member, way[before + 1 :], single=single) for member in members]
    lists = [elements for elements in found if elements is not MISSING]
    return MISSING if members and not lists else [element for elements in lists for element in elements]


def _members(value: Any, *, single: bool) -> Iterator[Any]:
    if isinstance(value, list):
        yield from value
    elif isinstance(value, dict) and single:
        yield value
    elif isinstance(value, dict):
        numeric = [name for name in value if name.isdecimal() and name.isascii()]
        for name in sorted(numeric, key=int):
            yield value[name]
        for name in value:
            if name not in numeric:
                yield value[name]
    else:
        raise NoListError
