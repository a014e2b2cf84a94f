"""The criteria of a search: which ones there are, and what each must be."""

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from tenantproxy.config import Criterion, SearchEndpoint
from tenantproxy.errors import FieldProblem
from tenantproxy.patterns import Pattern
from tenantproxy.problems import Problem

CUSTOMER_ID: Final = "customerId"
"""The documented criterion, which every search takes."""
MAX_LENGTH: Final = 256
"""Characters of a criterion, once it was changed: the lower case of a letter may be two."""
MAX_ERRORS: Final = 10
"""Which an answer names at most."""

_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_STRING: Final = msgspec.json.Decoder(str)


def criteria_of(search: SearchEndpoint) -> dict[str, bool]:
    """Return a search's criteria by name: whether no search goes without it, as it is required or the only one."""
    given = {CUSTOMER_ID: Criterion(), **search.criteria}
    return {name: each.required or len(given) == 1 for name, each in given.items()}


class Criteria:
    """What the searches of one tenant take; `given` are those of the platform team.

    Raises:
        PatternError: A criterion's pattern can't be used.

    """

    def __init__(self, given: Mapping[str, Criterion]) -> None:
        self._criteria = {CUSTOMER_ID: Criterion(), **given}
        self._required = [name for name, each in given.items() if each.required]
        self._patterns = {name: Pattern(each.pattern) for name, each in given.items() if each.pattern is not None}

    def check(self, sent: Mapping[str, msgspec.Raw]) -> dict[str, str]:
        """Return the values of a caller's criteria, which are JSON.

        Raises:
            Problem: `invalid-request`: there is none, one that isn't taken, one that isn't as it must be, or
                a required one is missing.

        """
        values, errors = {}, []
        for name, raw in sent.items():
            try:
                values[name] = self._value(name, raw)
            except ValueError as error:
                errors.append(FieldProblem(pointer(name), str(error)))
                if len(errors) >= MAX_ERRORS:
                    break
        errors += [FieldProblem(pointer(name), "is required") for name in self._required if name not in sent]
        if errors:
            raise invalid(*errors[:MAX_ERRORS])
        if not values:
            raise invalid(FieldProblem("", f"has no criterion; there are {', '.join(self._criteria)}"))
        return values

    def _value(self, name: str, raw: msgspec.Raw) -> str:
        criterion = self._criteria.get(name)
        if criterion is None:
            raise ValueError(f"is not a criterion of this search; there are {', '.join(self._criteria)}")
        try:
            value = _STRING.decode(raw)
        except msgspec.ValidationError:
            raise ValueError("must be a string") from None
        if criterion.trim:
            value = value.strip()
        if criterion.lower_case:
            value = value.lower()
        if not 0 < len(value) <= MAX_LENGTH or _CONTROL.search(value):
            raise ValueError(f"must have 1 to {MAX_LENGTH} characters, and no control characters")
        pattern = self._patterns.get(name)
        if pattern is not None and not pattern.matches(value):
            raise ValueError(f"must match {criterion.pattern}")
        return value


def pointer(name: str) -> str:
    """Return the pointer to a criterion in the caller's body; to all of it for a name that no criterion has."""
    return f"/{name}" if _NAME.fullmatch(name) else ""


def invalid(*errors: FieldProblem) -> Problem:
    """Return the problem of criteria that can't be used."""
    return Problem("invalid-request", "The search criteria have invalid fields.", errors=errors)
