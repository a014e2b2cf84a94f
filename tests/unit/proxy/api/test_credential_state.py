"""What an admin may see of a credential: what its parts look like, whatever they are made of."""

import json
from typing import Any

import pytest

from tenantproxy.api.credential_state import document
from tenantproxy.credentials.basic import Basic
from tenantproxy.credentials.oauth2.credential import OAuth2
from tenantproxy.credentials.proof import Known
from tenantproxy.errors import FieldProblem
from tenantproxy.oms.verdict import Verdict

ACCEPTED = Verdict("accepted", "order", "Fine.")
TEST = {"outcome": "accepted", "detail": "Fine."}
ALICE = Basic(username="alice", password="MARKED")
NOTHING = Known("untried", None, "", None, None, None)


def shown(known: Known | None, verdict: Verdict = ACCEPTED) -> Any:
    return json.loads(document(ALICE, known, verdict))


def test_all_that_is_known() -> None:
    """Times are of whole seconds, in UTC."""
    known = Known("rejected", 0.4, "a@b.example", 60.0, 86400.9, 5.0)
    assert shown(known) == {
        "type": "basic",
        "username": "alice",
        "setAt": "1970-01-01T00:00:00Z",
        "setBy": "a@b.example",
        "acceptedAt": "1970-01-01T00:01:00Z",
        "rejectedAt": "1970-01-02T00:00:00Z",
        "test": TEST,
    }


@pytest.mark.parametrize("known", [None, NOTHING, NOTHING._replace(set_at=1e300, accepted_at=2.0**53)])
def test_what_is_not_known_is_left_out(known: Known | None) -> None:
    """So are times that there can't be: who may edit the Secret may have written them."""
    assert shown(known) == {"type": "basic", "username": "alice", "test": TEST}


def test_what_breaks_the_contract() -> None:
    """With the pointers of a read."""
    verdict = Verdict("failed", "contract", "Broken.", [FieldProblem("/customerOrder", "is missing")])
    errors = [{"pointer": "/customerOrder", "detail": "is missing"}]
    assert shown(None, verdict)["test"] == {"outcome": "failed", "detail": "Broken.", "errors": errors}


def test_the_host_of_tokens() -> None:
    """Without the path, in which there may be anything."""
    oauth2 = OAuth2(client_id="id", client_secret="MARKED", auth_url="https://IdP.example:8443/MARKED?x=MARKED")
    state = json.loads(document(oauth2, None, ACCEPTED))
    assert (state["clientId"], state["tokenHost"]) == ("id", "idp.example")
    assert "MARKED" not in str(state)
