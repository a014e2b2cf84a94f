"""Durations and sizes as manifests write them: `500ms`, `5s`, `1m`; `64Ki`, `8Mi`."""

import re
from typing import Final

_MILLISECONDS: Final = {"ms": 1, "s": 1000, "m": 60_000}
_BYTES: Final = {"Ki": 1024, "Mi": 1024 * 1024}

DURATION_PATTERN: Final = r"^([1-9][0-9]{0,5})(ms|s|m)$"
DURATION_PROBLEM: Final = "is not a duration; write a whole number and a unit, such as `500ms`, `5s` or `1m`"
SIZE_PATTERN: Final = r"^([1-9][0-9]{0,5})(Ki|Mi)$"
SIZE_PROBLEM: Final = "is not a size; write a whole number and a unit, such as `64Ki` or `8Mi`"


def parse_duration(text: str) -> float:
    """Return the seconds that `text` means.

    Raises:
        ValueError: It does not match `DURATION_PATTERN`.

    """
    match = re.fullmatch(DURATION_PATTERN, text)
    if match is None:
        raise ValueError(DURATION_PROBLEM)
    return int(match[1]) * _MILLISECONDS[match[2]] / 1000


def parse_size(text: str) -> int:
    """Return the bytes that `text` means.

    Raises:
        ValueError: It does not match `SIZE_PATTERN`.

    """
    match = re.fullmatch(SIZE_PATTERN, text)
    if match is None:
        raise ValueError(SIZE_PROBLEM)
    return int(match[1]) * _BYTES[match[2]]
