"""What is reported, and done, about TenantProxies with the same tenant or Secret."""

import pytest

from tenantproxy_operator.kube.kinds import Key
from tenantproxy_operator.settings import Settings
from tenantproxy_operator.validation import uniqueness
from tenantproxy_operator.validation.claims import Rival

ACME, BRAVO = Key("tenants", "acme"), Key("tenants", "bravo")
SHARED = Rival(BRAVO, Key("tenants", "shared"), first=True)
DUPLICATE = Rival(Key("elsewhere", "acme"), None, first=True)


def test_unique() -> None:
    """A TenantProxy without rivals is."""
    found = uniqueness.judge(ACME, [])
    assert (found.status, found.reason) == ("True", "Unique")


@pytest.mark.parametrize(
    ("rivals", "reason", "words"),
    [
        ([SHARED], "SecretShared", ["tenants/acme and tenants/bravo", "Secret shared", "a Secret of its own"]),
        (
            [DUPLICATE],
            "DuplicateTenant",
            ["tenants/acme and elsewhere/acme", "spec.tenantId", "delete one"],
        ),
        ([SHARED, DUPLICATE], "SecretShared", ["tenants/bravo", "Secret shared", "elsewhere/acme", "tenantId"]),
    ],
)
def test_not_unique(rivals: list[Rival], reason: str, words: list[str]) -> None:
    """Both are named, with what they both want and the fix; another tenant's Secret is the graver of the two."""
    found = uniqueness.judge(ACME, rivals)
    assert (found.status, found.reason) == ("False", reason)
    assert all(word in found.message for word in words)


@pytest.mark.parametrize(
    ("shared", "duplicate", "options"),
    [
        (False, False, []),
        (True, False, ["--refuse-shared-secrets"]),
        (False, True, ["--refuse-duplicate-tenants"]),
        (True, True, ["--refuse-shared-secrets", "--refuse-duplicate-tenants"]),
    ],
)
def test_refusal(*, shared: bool, duplicate: bool, options: list[str]) -> None:
    """What the platform's settings say is refused, and they are named; never who was the first."""
    settings = Settings(refuse_shared_secrets=shared, refuse_duplicate_tenants=duplicate)
    said = uniqueness.refuse(ACME, [SHARED, DUPLICATE], settings) or ""
    named = [option for option in ("--refuse-shared-secrets", "--refuse-duplicate-tenants") if option in said]
    assert named == options
    assert ("tenants/bravo was first" in said) is shared
    assert ("elsewhere/acme was first" in said) is duplicate
    later = [rival._replace(first=False) for rival in (SHARED, DUPLICATE)]
    assert uniqueness.refuse(ACME, later, settings) is None
