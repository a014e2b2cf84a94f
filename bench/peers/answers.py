"""All answer alike, orders and errors: what is compared does the same work."""

import contextlib
import http.client
import json
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple

from bench.peers.oms import BROKEN_ORDER
from bench.peers.subjects import NAIVE, Line, Stand
from bench.processes import BenchError, Running
from bench.subjects import Operation, Subject

_CORRELATION_ID: Final = "bench-0123456789"
_COMPARED: Final = ("content-type", "cache-control", "correlation-id", "allow", "retry-after")


class Answer(NamedTuple):
    """What of an answer must be the same; amounts by their value, to the last digit."""

    status: int
    headers: dict[str, str | None]
    body: Any


def check(stand: Stand, line: Line, subjects: Sequence[tuple[Subject, Running]]) -> int:
    """Check that all subjects answer alike, and return how many questions that took.

    Raises:
        BenchError: Two don't; the message says who, and at which question.

    """
    count = 0
    for question, is_read in _questions(stand, line):
        count += 1
        asked = [(subject, process) for subject, process in subjects if is_read or subject.name != NAIVE]
        found = {subject.name: _ask(process, question) for subject, process in asked}
        if NAIVE in found:  # its headers are others
            found[NAIVE] = found[NAIVE]._replace(headers=next(iter(found.values())).headers)
        (name, expected), *others = found.items()
        for other, answer in others:
            if answer != expected:
                what = f"{question.method} {question.path} ({question.name}, {line.name})"
                raise BenchError(f"{what}: {name} answers {expected}, but {other} {answer}")
    return count


def _questions(stand: Stand, line: Line) -> Iterator[tuple[Operation, bool]]:
    """Yield what is asked, and whether it is a read that finds something."""
    get, search = stand.bench.get, stand.bench.search
    yield get, True
    yield search, True
    here, there = get.path.rsplit("/", 1)
    yield get._replace(name="no order", path=f"{here}/{there}9"), False
    yield get._replace(name="wrong id", path=f"{here}/-1"), False
    yield get._replace(name="wrong tenant", headers=get.headers | {"Tenant-Id": "another"}), False
    yield get._replace(name="wrong method", method="DELETE"), False
    yield get._replace(name="no route", path="/api/v1/orders"), False
    yield search._replace(name="no JSON", body=b'{"customerId": '), False
    yield search._replace(name="wrong criterion", body=b'{"customerId": 7}'), False
    if line.verifies:
        headers = {name: value for name, value in get.headers.items() if name != "Authorization"}
        yield get._replace(name="no token", headers=headers), False
    if not line.mapped:
        yield get._replace(name="broken contract", path=f"{here}/{BROKEN_ORDER}"), False


def _ask(process: Running, question: Operation) -> Answer:
    with contextlib.closing(process.connect()) as connection:
        headers = question.headers | {"Correlation-Id": _CORRELATION_ID}
        connection.request(question.method, question.path, question.body, headers)
        answer = connection.getresponse()
        body = json.loads(answer.read(), parse_float=Decimal)
        return Answer(answer.status, {name: _header(answer, name) for name in _COMPARED}, body)


def _header(answer: http.client.HTTPResponse, name: str) -> str | None:
    return answer.getheader(name)
