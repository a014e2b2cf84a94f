"""What the answers of an OMS mean, where a configuration says so (`outcomes`): compiled once, and pure.

A meaning is the code of the problem that the caller gets (`problems`), or `no-orders-found`: it gets an empty
list. What no outcome fits means what it always does (`responses`).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec
from msgspec import Raw

from tenantproxy import config
from tenantproxy.errors import FieldProblem
from tenantproxy.operations import Operation
from tenantproxy.orders.conditions import Holds, compile_conditions
from tenantproxy.orders.implications import follow
from tenantproxy.orders.json_members import whole
from tenantproxy.orders.surrogates import marked
from tenantproxy.orders.weight import is_heavy, is_too_dense
from tenantproxy.transport.base import UpstreamResponse

MAX_OUTCOMES: Final = 16
"""Of one operation."""
MAX_STATUSES: Final = 8
MAX_CONDITIONS: Final = 8
"""Of one outcome, both."""

NO_ORDERS_FOUND: Final = "no-orders-found"
REJECTED: Final = "upstream-rejected-credentials"
RATE_LIMITED: Final = "upstream-rate-limited"

_OF_AN_ORDER: Final = frozenset({"order-not-found"})
_OF_A_SEARCH: Final = frozenset({NO_ORDERS_FOUND, "search-rejected"})
_FAILURES: Final = frozenset({"upstream-error", "upstream-timeout"})
_UNAUTHORIZED: Final = 401
_SERVER_ERROR: Final = 500
_NULL: Final = Raw(b"null")


class OutcomeError(ValueError):
    """Outcomes can't be used; `errors` name each by its path below the operation."""

    def __init__(self, errors: list[FieldProblem]) -> None:
        super().__init__("; ".join(f"`{error.field}` {error.detail}" for error in errors))
        self.errors = errors


class Meaning:
    """Tells what an operation's answers mean by the configuration."""

    def __init__(self, cases: Mapping[int, Sequence[tuple[Holds | None, str]]]) -> None:
        self._cases = cases

    def __call__(self, response: UpstreamResponse) -> str | None:
        """Return what an answer means; None: the configuration says nothing of it."""
        known = self._cases.get(response.status, ())
        document = _document(response.body) if _has_conditions(known) else None
        for holds, means in known:
            if holds is None or (document is not None and _hold(holds, document)):
                return means
        return None

    def takes_long(self, response: UpstreamResponse) -> bool:
        """Return whether it takes more than a few milliseconds to tell."""
        return is_heavy(response.body) and _has_conditions(self._cases.get(response.status, ()))


def rejects_credential(response: UpstreamResponse) -> bool:
    """Return whether an answer is about the credential, by its meaning or else its status."""
    if response.meaning is None:
        return response.status == _UNAUTHORIZED
    return response.meaning == REJECTED


def is_failure(status: int | None, meaning: str | None = None) -> bool:
    """Return whether a call ended as those of a failing OMS do, by its meaning or its status; None: no answer."""
    if meaning is None:
        return status is None or status >= _SERVER_ERROR
    return meaning in _FAILURES


def compile_outcomes(operation: Operation, outcomes: Sequence[config.Outcome]) -> Meaning | None:
    """Return what tells the meaning of an operation's answers; None: there are no outcomes.

    Raises:
        OutcomeError: One can't be meant, or can never be reached.

    """
    errors = [*_too_many("outcomes", outcomes, MAX_OUTCOMES)]
    cases: dict[int, list[tuple[Holds | None, str]]] = {}
    for index, outcome in enumerate(outcomes):
        path = f"outcomes[{index}]"
        errors += _check(operation, outcome, path)
        holds = compile_conditions(outcome.when, f"{path}.when", errors) if outcome.when else None
        before = [above for above in outcomes[:index] if follow(above.when, outcome.when)]
        if outcome.status and all(any(status in above.status for above in before) for status in outcome.status):
            errors.append(FieldProblem(path, "can't be reached, as what stands above it fits before; move it up"))
        for status in outcome.status:
            cases.setdefault(status, []).append((holds, outcome.means))
    if errors:
        raise OutcomeError(errors)
    return Meaning(cases) if cases else None


def _check(operation: Operation, outcome: config.Outcome, path: str) -> list[FieldProblem]:
    errors = [
        *_too_many(f"{path}.status", outcome.status, MAX_STATUSES),
        *_too_many(f"{path}.when", outcome.when, MAX_CONDITIONS),
    ]
    if not outcome.status:
        errors.append(FieldProblem(f"{path}.status", "is empty; write at least one status"))
    if len(set(outcome.status)) < len(outcome.status):
        errors.append(FieldProblem(f"{path}.status", "names a status twice; remove one"))
    if 200 in outcome.status and all(_holds_of_any(condition) for condition in outcome.when):  # noqa: PLR2004
        what = "holds for all bodies" if outcome.when else "is missing"
        errors.append(FieldProblem(f"{path}.when", f"{what} for status 200; no order would ever be read"))
    foreign = _OF_A_SEARCH if operation.reads_one_order else _OF_AN_ORDER
    if outcome.means in foreign:
        own = ", ".join(sorted((_OF_AN_ORDER | _OF_A_SEARCH) - foreign))
        what = "the search" if operation.reads_one_order else "reading one order"
        errors.append(FieldProblem(f"{path}.means", f"is a meaning of {what} only; here there is {own}"))
    errors += [
        FieldProblem(f"{path}.when[{index}].sameAs", "is for `pick` only; use `in` or `absent`")
        for index, condition in enumerate(outcome.when)
        if condition.same_as is not None
    ]
    return errors


def _holds_of_any(condition: config.Condition) -> bool:
    """Return whether a condition holds of any body that may be an order."""
    return condition.from_ == "" and (condition.absent is False or condition.not_in is not None)


def _too_many(path: str, given: Sequence[object], most: int) -> Iterator[FieldProblem]:
    if len(given) > most:
        yield FieldProblem(path, f"has {len(given)} elements; shorten it to at most {most}")


def _has_conditions(known: Sequence[tuple[Holds | None, str]]) -> bool:
    return any(holds is not None for holds, _ in known)


def _document(body: bytes) -> Raw | None:
    """Return a body as JSON, an empty one as null; None: it is none, or has more values than orders can have."""
    if not body:
        return _NULL
    if is_too_dense(body):
        return None
    return _parsed(body) or _parsed(marked(body) or b"")


def _parsed(body: bytes) -> Raw | None:
    try:
        return whole(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _hold(holds: Holds, document: Raw) -> bool:
    try:
        return holds(document)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False  # a text in it is none
