"""What a step expects of an answer."""

import re
from typing import Final

from hack.demo.exchange import Answer

_SAMPLE: Final = re.compile(r"(?P<name>\w+)(?:\{(?P<labels>.*)\})? (?P<value>\S+)")


class StepError(Exception):
    """A step did not go as it must; the message says what was seen."""


def expect(holds: object, otherwise: str) -> None:
    """Check a condition.

    Raises:
        StepError: It doesn't hold.

    """
    if not holds:
        raise StepError(otherwise)


def expect_status(answer: Answer, status: int) -> None:
    """Check an answer's status.

    Raises:
        StepError: It is another one.

    """
    expect(answer.status == status, f"expected {status}, but got {answer.status} {answer.reason}")


def expect_problem(answer: Answer, status: int, code: str) -> None:
    """Check that an answer is a problem document (RFC 9457) of this status and code.

    Raises:
        StepError: It isn't.

    """
    expect_status(answer, status)
    kind = answer.headers.get_content_type()
    expect(kind == "application/problem+json", f"expected a problem document, but got {kind}")
    found = answer.json.get("code")
    expect(found == code, f"expected the code {code}, but got {found}")


def counted(exposition: str, metric: str, **labels: str) -> int:
    """Return the sum of a metric's samples that have all these labels, from Prometheus' text format."""
    samples = (_SAMPLE.fullmatch(line) for line in exposition.splitlines())
    return sum(
        int(float(sample["value"]))
        for sample in samples
        if sample is not None
        and sample["name"] == metric
        and all(f'{name}="{value}"' in (sample["labels"] or "") for name, value in labels.items())
    )
