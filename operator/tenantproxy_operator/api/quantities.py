"""Durations, sizes and amounts as manifests write them: `500ms`, `5s`; `64Ki`, `8Mi`; `0.5`, `500m`, `1Gi`."""

import re
from decimal import Decimal
from typing import Final

_MILLISECONDS: Final = {"ms": 1, "s": 1000, "m": 60_000}
_BYTES: Final = {"Ki": 1024, "Mi": 1024 * 1024}

DURATION_PATTERN: Final = r"^([1-9][0-9]{0,5})(ms|s|m)$"
DURATION_PROBLEM: Final = "is not a duration; write a whole number and a unit, such as `500ms`, `5s` or `1m`"
SIZE_PATTERN: Final = r"^([1-9][0-9]{0,5})(Ki|Mi)$"
SIZE_PROBLEM: Final = "is not a size; write a whole number and a unit, such as `64Ki` or `1Mi`"

_UNITS: Final = {
    "": Decimal(1),
    "m": Decimal("0.001"),
    **{unit: Decimal(1000) ** power for power, unit in enumerate(("k", "M", "G", "T", "P"), start=1)},
    **{unit: Decimal(1024) ** power for power, unit in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi"), start=1)},
}
CPU_PATTERN: Final = r"^([0-9]{1,6}(\.[0-9]{1,3})?|[0-9]{1,9}m)$"
CPU_PROBLEM: Final = "is not an amount of CPU; write cores or thousandths of one, such as `1`, `0.5` or `500m`"
BYTES_PATTERN: Final = r"^([0-9]{1,15}|[0-9]{1,12}(\.[0-9]{1,3})?(k|M|G|T|P|Ki|Mi|Gi|Ti|Pi))$"
BYTES_PROBLEM: Final = "is not an amount of bytes; write a number and a unit, such as `96Mi` or `1Gi`"


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


def parse_amount(text: str) -> Decimal:
    """Return the cores or bytes that `text` means, which matches `CPU_PATTERN` or `BYTES_PATTERN`."""
    digits = text.rstrip("".join(set("".join(_UNITS))))
    return Decimal(digits) * _UNITS[text.removeprefix(digits)]
