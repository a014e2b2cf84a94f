"""The parts of a proxy or a relay that a trace shows, as they are without one; `traced` has the others."""

from collections.abc import Callable

from tenantproxy.credentials.active import ActiveCredential
from tenantproxy.oms.clients import ClientFactory
from tenantproxy.oms.conversion import Converter
from tenantproxy.server.port import Handler

RouteOf = Callable[[str, str], str | None]
"""Returns the route of a method and a request target, its path with placeholders; None: there is none."""


class Parts:
    """Makes them; without a trace they know nothing of traces."""

    clients: Callable[..., ClientFactory] = ClientFactory
    credential: Callable[..., ActiveCredential] = ActiveCredential
    converter: Callable[..., Converter] = Converter

    def handler(self, handle: Handler, _route_of: RouteOf) -> Handler:
        """Return what answers the requests."""
        return handle

    async def close(self) -> None:
        """Send what has not been sent."""
