"""When a proxy's troubles began: by the lines that its log has of them (logger `tenantproxy.state`)."""

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

_LOGGER: Final = "tenantproxy.state"


class _Line(msgspec.Struct):
    time: str = ""
    logger: str = ""
    code: str = ""
    state: str = ""
    operation: str = ""
    issuer: str = ""


_decode: Final = msgspec.json.Decoder(_Line).decode


def began(logs: Iterable[str]) -> dict[str, str]:
    """Return when each trouble began that has not ended, by its error code; of several, the first."""
    first: dict[str, str] = {}
    for log in logs:
        open_: dict[tuple[str, str, str], str] = {}
        for line in _lines(log):
            about = (line.code, line.operation, line.issuer)
            if line.state == "ended":
                open_.pop(about, None)
            else:
                open_.setdefault(about, line.time)
        for (code, _, _), time in open_.items():
            first[code] = min(time, first.get(code, time))
    return first


def _lines(log: str) -> Iterator[_Line]:
    for text in log.splitlines():
        if _LOGGER in text:
            try:
                line = _decode(text)
            except msgspec.DecodeError:  # the first line may be cut
                continue
            if line.logger == _LOGGER:
                yield line
