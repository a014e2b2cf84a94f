"""What JSON Schema can't say of a request; schemathesis loads it by `schemathesis.toml`."""

from typing import Any

import schemathesis


@schemathesis.hook
def filter_body(_context: schemathesis.HookContext, body: Any) -> bool:
    """Leave out API keys whose two headers have one name: that two values differ is no part of a schema."""
    config = body.get("config") if isinstance(body, dict) else None
    if not isinstance(config, dict) or "secondHeaderName" not in config:
        return True
    names = [str(config.get(key)).lower() for key in ("headerName", "secondHeaderName")]
    return names[0] != names[1]
