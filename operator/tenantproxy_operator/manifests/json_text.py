"""Parse JSON text: no duplicate keys, no number that would not be kept."""

import json
from typing import Any

from tenantproxy_operator.manifests.yaml_text import TOO_EXACT, Mistake, Parsed, TextError, keeps, parse_yaml


def parse_json(text: str) -> Parsed:
    """Return the one document in a text.

    Raises:
        TextError: It can't be parsed.

    """
    mistakes: list[Mistake] = []

    def unique_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members: dict[str, Any] = {}
        for name, value in pairs:
            if name in members:
                mistakes.append(Mistake(f"has the key `{name}` twice; remove one"))
            members.setdefault(name, value)
        return members

    def fraction(digits: str) -> float:
        if not keeps(digits):
            mistakes.append(Mistake(TOO_EXACT))
        return float(digits)

    def refuse_constant(name: str) -> None:
        mistakes.append(Mistake(f"has {name}, which is not a JSON number"))

    try:
        value = json.loads(
            text, object_pairs_hook=unique_members, parse_float=fraction, parse_constant=refuse_constant
        )
    except json.JSONDecodeError as error:
        raise TextError(Mistake(f"is not valid JSON: {error.msg}; correct it", error.lineno)) from None
    except RecursionError:
        raise TextError(Mistake("is nested too deeply; is it the right file?")) from None
    except ValueError:
        raise TextError(Mistake("has a number with too many digits; put it in quotes")) from None
    return _with_lines(Parsed(value, mistakes=tuple(mistakes)), text)


def _with_lines(parsed: Parsed, text: str) -> Parsed:
    """Add the lines, which only the reader of YAML knows: JSON is YAML, but for a few texts."""
    try:
        same = next(parse_yaml(text), None)
    except TextError:
        return parsed
    if same is None:
        return parsed
    placed = same.mistakes if parsed.mistakes else ()
    details = {mistake.detail for mistake in placed}
    rest = (mistake for mistake in parsed.mistakes if mistake.detail not in details)
    return Parsed(parsed.content, same.lines, (*placed, *rest))
