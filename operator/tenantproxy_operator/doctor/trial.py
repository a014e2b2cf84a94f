"""A trial of the stored credential by `PUT /api/v1/proxy-config?dryRun=true`: what is sent, and what comes."""

from typing import Final

import msgspec

from tenantproxy_operator.doctor.view import DryRun

PATH: Final = "/api/v1/proxy-config?dryRun=true"
BODY: Final = b"{}"
"""The stored credential, instead of another one."""
NO_TOKEN: Final = (
    "no credential was tried, for want of a token of a tenant's admin (--token-file): what is said of them is what"
    " the proxies know"
)
LONGEST_ANSWER: Final = 1 << 20
"""Bytes."""
_OK: Final = 200
_OF_THE_TOKEN: Final = frozenset(
    {"unauthenticated", "wrong-tenant", "admin-required", "issuer-unavailable", "too-many-validations"}
)
"""Refusals that are about who asks, not about the tenant's credential."""


class _Test(msgspec.Struct, frozen=True):
    outcome: str = ""
    detail: str = ""


class _State(msgspec.Struct):
    test: _Test = _Test()


class _Problem(msgspec.Struct):
    code: str = ""
    detail: str = ""


def headers(token: str) -> dict[str, str]:
    """Return the headers of a trial."""
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}


def understood(status: int, body: bytes) -> DryRun:
    """Return what an answer says."""
    try:
        if status == _OK:
            test = msgspec.json.decode(body, type=_State).test
            return DryRun(outcome=test.outcome, detail=test.detail)
        problem = msgspec.json.decode(body, type=_Problem)
    except msgspec.DecodeError:
        return DryRun(skipped=f"what answered {status} is no proxy of this version")
    if problem.code in _OF_THE_TOKEN:
        return DryRun(skipped=f"no trial was made: {problem.code}: {problem.detail}")
    return DryRun(outcome=problem.code, detail=problem.detail)
