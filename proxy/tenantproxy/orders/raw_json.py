"""Parse JSON so that encoding it again keeps numbers as they were written; the last of duplicate names counts."""

import json
from typing import Any

from msgspec import Raw


def parse(body: bytes) -> Any:  # noqa: ANN401 - JSON of any shape
    """Return a JSON document, its numbers as `Raw`; for where msgspec's speed is not needed.

    Raises:
        ValueError: It is not JSON (RFC 8259) in UTF-8.
        RecursionError: It is nested too deeply.

    """
    return json.loads(body.decode(), parse_int=_number, parse_float=_number, parse_constant=_refuse)


def _number(text: str) -> Raw:
    return Raw(text.encode())


def _refuse(name: str) -> Raw:
    raise ValueError(name)
