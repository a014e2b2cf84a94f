"""The query of `PUT /api/v1/proxy-config`: what is to be done with the credential beside storing it."""

from collections.abc import Sequence
from typing import Final, NamedTuple
from urllib.parse import parse_qsl

from tenantproxy.credentials.formats import pointer
from tenantproxy.errors import FieldProblem
from tenantproxy.problems import Problem

_FLAGS: Final = {"true": True, "false": False}


class PutOptions(NamedTuple):
    """What a PUT asks for."""

    validate: bool = False
    """Try the credential first, and store it only if it works."""
    dry_run: bool = False
    """Try it, and store nothing; of an empty body, try the one that is stored."""
    errors: Sequence[FieldProblem] = ()
    """What of the query is not understood."""

    def check(self) -> None:
        """Check that all of the query is understood: a misspelt parameter would replace what was to be tried.

        Raises:
            Problem: `invalid-request`: a parameter is unknown, repeated, or neither `true` nor `false`.

        """
        if self.errors:
            detail = "The query has invalid parameters; nothing was done."
            raise Problem("invalid-request", detail, errors=self.errors)


_PARAMETERS: Final = ("validate", "dryRun")


def parse(query: str) -> PutOptions:
    """Return what a query asks for, as far as it is understood."""
    flags: dict[str, bool] = {}
    errors: dict[str, str] = {}
    seen: set[str] = set()
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in _PARAMETERS:
            errors[name] = f"is unknown; use {' or '.join(f'`{known}`' for known in _PARAMETERS)}"
        elif name in seen:
            errors[name] = "is repeated; give it once"
        elif value not in _FLAGS:
            errors[name] = "must be `true` or `false`"
        else:
            flags[name] = _FLAGS[value]
        seen.add(name)
    problems = [FieldProblem(f"/query/{pointer(name)}", detail) for name, detail in errors.items()]
    return PutOptions(flags.get("validate", False), flags.get("dryRun", False), problems)
