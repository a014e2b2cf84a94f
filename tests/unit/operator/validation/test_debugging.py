"""Which annotations for debug lines are taken."""

import pytest

from tenantproxy.debugging import parse_end
from tenantproxy.errors import FieldProblem
from tenantproxy_operator.validation.debugging import debug_end

NOW = parse_end("2026-11-30T12:00:00Z")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("", None),
        ("2026-11-30T11:59:59Z", None),
        ("2026-11-30T12:00:00Z", None),
        ("2026-11-30T12:00:01Z", 1),
        ("2026-11-30T13:00:00Z", 3600),
        ("2026-11-30T13:01:00Z", 3660),
    ],
)
def test_taken(text: str, seconds: int | None) -> None:
    """A time within the next hour, and some skew of the clocks; one that is over says nothing."""
    assert debug_end(text, NOW) == (None if seconds is None else NOW + seconds)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2026-11-30T13:01:01Z", "is more than an hour ahead"),
        ("9999-12-31T23:59:59Z", "is more than an hour ahead"),
        *(
            (text, "is no time such as")
            for text in (
                *("true", "30m", "2026-12-24", "2026-11-30T12:30:00", "2026-11-30T12:30:00+00:00"),
                *(
                    "2026-11-30 12:30:00Z",
                    "2026-11-30T12:30:00.5Z",
                    "2026-11-31T12:30:00Z",
                    "2026-11-30T12:60:00Z",
                ),
                *(" 2026-11-30T12:30:00Z", "2026-11-30T12:30:00Z\n", "2026-11-3\u0660T12:30:00Z"),
            )
        ),
    ],
)
def test_refused(text: str, said: str) -> None:
    """With the annotation, what is wrong, and how to make a right one; never the text."""
    problem = debug_end(text, NOW)
    assert isinstance(problem, FieldProblem)
    assert problem.field == "metadata.annotations[proxy.hiiretail.com/debug-until]"
    assert problem.detail.startswith(said)
    assert "date -u -d '+30 minutes' +%FT%TZ" in problem.detail
    assert text not in problem.detail
