"""docs/clients.md: its samples of tokens are what a proxy accepts by default."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tenantproxy.auth.claims import check_admin, verified_caller
from tenantproxy.config import Admins
from tenantproxy_operator.issuers import DEFAULT_ISSUERS

PAGE = (Path(__file__).parents[3] / "docs" / "clients.md").read_text()
TENANT = "CIR7nQwtS0rA6t0S6ejd"
MACHINE, ADMIN = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL))


@pytest.mark.parametrize(("claims", "is_user"), [(MACHINE, False), (ADMIN, True)])
def test_a_sample_is_of_the_tenant(claims: dict[str, Any], *, is_user: bool) -> None:
    """An issuer that is known by default makes it, for that kind of caller."""
    (issuer,) = [each for each in DEFAULT_ISSUERS if each.issuer == claims["iss"]]
    caller = verified_caller(claims, issuer, claims["iat"])
    assert (caller.tenant, caller.is_user) == (TENANT, is_user)


@pytest.mark.parametrize(
    "admins",
    [Admins(emails=("hiiretail@acme.example",)), Admins(groups=("order-admins",)), Admins(roles=("oms-admin",))],
)
def test_each_way_to_be_an_admin(admins: Admins) -> None:
    """The admin's sample is one by its email, its group and its role."""
    (issuer,) = [each for each in DEFAULT_ISSUERS if each.issuer == ADMIN["iss"]]
    check_admin(verified_caller(ADMIN, issuer, ADMIN["iat"]), admins)
