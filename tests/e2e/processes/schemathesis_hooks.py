"""What JSON Schema can't say of a request; schemathesis loads it by `schemathesis.toml`."""

import re
from typing import Any, Final

import schemathesis

_PUBLIC: Final = re.compile(r"https://[a-z0-9]{1,63}(\.[a-z0-9]{1,63})*\.[a-z]{2,8}(/[a-z0-9]{0,20})?")


@schemathesis.hook
def filter_case(_context: schemathesis.HookContext, case: schemathesis.Case[Any]) -> bool:
    """Leave out what is refused for what is no part of a schema.

    That two values must differ (the headers of an API key); which criteria a tenant has; which of the URLs that
    the schema lets through name a server that a proxy may call. And an empty credential without a dry run.
    """
    body: Any = case.body
    if not isinstance(body, dict):
        return True
    if not body and case.method == "PUT":
        return (case.query or {}).get("dryRun") in (True, "true")
    config = body.get("config")
    if not isinstance(config, dict):
        return "type" in body or body.keys() <= {"customerId"}
    if "secondHeaderName" in config:
        names = [str(config.get(key)).lower() for key in ("headerName", "secondHeaderName")]
        return names[0] != names[1]
    url = config.get("authUrl")
    return not isinstance(url, str) or _PUBLIC.fullmatch(url) is not None or not url.startswith("http")
