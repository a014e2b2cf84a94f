"""What a tenant's admin may see of a credential, and of what came of trying it: never a secret."""

from typing import Any

import msgspec

from tenantproxy.api.audit import host_of
from tenantproxy.credentials.base import Credential
from tenantproxy.oms.verdict import Verdict


def document(credential: Credential, verdict: Verdict) -> bytes:
    """Return the body of the 200 to a dry run; what is not known is left out."""
    test: dict[str, Any] = {"outcome": verdict.outcome, "detail": verdict.detail}
    if verdict.errors:
        test["errors"] = [{"pointer": error.field, "detail": error.detail} for error in verdict.errors]
    known = {
        "type": credential.type,
        **credential.identity,
        "headerNames": [*credential.header_names.values()] or None,
        "tokenHost": None if credential.token_url is None else host_of(credential.token_url),
        "test": test,
    }
    return msgspec.json.encode({name: value for name, value in known.items() if value is not None})
