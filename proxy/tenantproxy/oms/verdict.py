"""What a trial of a credential says of it: pure decisions, from what the token endpoint or the OMS answered.

What can't work as it is has `failed`: somebody has to change the credential, the manifest or the OMS. Where the
server is down or busy, and another try may go otherwise, the trial is `inconclusive`.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

from tenantproxy.credentials.authorizer import Failure, FoundStyle
from tenantproxy.credentials.proof import Tried
from tenantproxy.errors import FieldProblem
from tenantproxy.problems import Problem

Outcome = Literal["accepted", "failed", "inconclusive"]

_FAILED: Final = {
    "upstream-rejected-credentials": "rejected",
    "upstream-forbidden": "forbidden",
    "upstream-contract": "contract",
}
"""Problems of a read that show a credential to be wrong, or the manifest to be no description of this OMS."""
_NO_ORDER: Final = frozenset({"content-encoding", "content-type", "http", "malformed-json", "too-large"})
"""Reasons of `upstream-error` that are about what was answered: such as the page of a login."""
_NO_WAY: Final = frozenset(
    {
        *("connect-timeout", "dns", "egress", "tls"),
        *("forward-proxy-auth", "forward-proxy-denied", "forward-proxy-timeout"),
        "upstream-timeout",
    }
)
"""Reasons that are about the way to the OMS, which somebody has to mend; an OMS that is down has others."""
_FORBIDDEN: Final = "It may lack a right or a scope; or the OMS answers so for orders that don't exist."
_NOT_FOUND: Final = 404
_SERVER_ERROR: Final = 500
_TOO_MANY_REQUESTS: Final = 429


class Verdict(NamedTuple):
    """What came of a trial."""

    outcome: Outcome
    reason: str
    """In one word; of a token endpoint in the words of metrics, which only our own log may have."""
    detail: str
    """For the tenant's admin."""
    errors: Sequence[FieldProblem] = ()
    headers: Mapping[str, str] = {}
    """`Retry-After`, where the OMS has named a time."""
    wrong_logins: int | None = None
    """How many, where who it logs in to has rejected it; None: that has not."""
    found: FoundStyle | None = None
    """How it was logged in at the token endpoint, where that had to be found out."""

    @property
    def tried(self) -> Tried:
        """What is learnt of the credential."""
        if self.wrong_logins is not None:
            return Tried(accepted=False, wrong_logins=self.wrong_logins, found=self.found)
        return Tried(accepted=True if self.outcome == "accepted" else None, found=self.found)


def of_order(*, found: bool) -> Verdict:
    """Return the verdict where the OMS answered as the contract says."""
    if found:
        return Verdict("accepted", "order", "The OMS took it, and its answer holds the contract.")
    return Verdict("accepted", "order-not-found", "The OMS took it; it knows no order with the probe's id.")


def of_problem(problem: Problem, *, by_token: bool = False) -> Verdict:
    """Return the verdict where the read of the probe's order was a problem.

    `by_token`: the login was at the token endpoint, and was right.
    """
    if problem.code == "order-not-found":
        return of_order(found=False)
    failed = _FAILED.get(problem.code)
    if problem.code == "upstream-error" and problem.reason in _NO_ORDER:
        failed = "contract"
    elif problem.reason in _NO_WAY:
        failed = problem.reason
    if failed is None:
        return Verdict("inconclusive", problem.reason, problem.detail, headers=problem.headers)
    detail = f"{problem.detail} {_FORBIDDEN}" if failed == "forbidden" else problem.detail
    wrong_logins = 1 if failed == "rejected" and not by_token else None
    return Verdict("failed", failed, detail, problem.errors, wrong_logins=wrong_logins)


def of_token(failure: Failure) -> Verdict:
    """Return the verdict where there was no token; who can't be reached has a URL that the admin can correct."""
    told, status = failure.told, failure.status
    if status is not None and (status >= _SERVER_ERROR or status == _TOO_MANY_REQUESTS):
        return Verdict("inconclusive", failure.reason, f"The token endpoint returned no token ({told}).")
    why = "rejected the request for a token" if failure.rejected else "returned no token"
    detail = f"The token endpoint {why} ({told})."
    if status == _NOT_FOUND:
        detail = f"There is no token endpoint at this URL ({told})."
    return Verdict("failed", failure.reason, detail, wrong_logins=failure.logins if failure.rejected else None)
