"""The configuration of a proxy or a relay, as it is in its file."""

from collections.abc import Mapping
from typing import Any


def configuration(url: str, *, upstream: Mapping[str, Any] | None = None, **sections: Any) -> dict[str, Any]:
    """Return one for an OMS on the loopback, behind an edge that verifies tokens.

    What is in `upstream` comes to what is said of the OMS; `sections` stand beside it, or in another one's place.
    """
    return {
        "version": 1,
        "tenant": {"id": "T-acme", "name": "acme"},
        "upstream": {"url": url, "allowInsecure": True, "allowPrivateNetworks": True, **(upstream or {})},
        "access": {"mode": "trusted"},
        **sections,
    }
