"""A credential in variables of the environment, for commands that a person runs: one for each key of a Secret."""

import re
from collections.abc import Mapping
from typing import Final

from tenantproxy.credentials.kinds import credential_keys

PREFIX: Final = "TENANTPROXY_"


def read_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the keys, as in a Secret, that variables such as `TENANTPROXY_CLIENT_ID` hold."""
    return {key: environ[name] for key in sorted(credential_keys()) if (name := variable(key)) in environ}


def variable(key: str) -> str:
    """Return the name of a key's variable."""
    return PREFIX + re.sub(r"(?=[A-Z])", "_", key).upper()
