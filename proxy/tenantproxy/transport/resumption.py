"""TLS sessions that are resumed (RFC 8446 section 2.2), so that the costly part of a new connection is left out.

A server then shows that it has the session's secret, and no certificate. So a session is resumed with the host
that it was made with, by the context that it was made by (so with the same CAs and client certificate), for an
hour. One serves several connections, as nginx and HAProxy do it: who we are is no secret on the way there.
"""

import ssl
import time
from typing import Final, NamedTuple, Self

SESSION_SECONDS: Final = 3600.0
"""After which a server has to show its certificate again."""
_MAX_HOSTS: Final = 4
"""Of which sessions are kept; a context is used for one or two."""


class _Session(NamedTuple):
    session: ssl.SSLSession
    verified_at: float


class ResumingContext(ssl.SSLContext):
    """A client's context that gives each connection the session of an earlier one, where there is one.

    Event loops let no caller choose a session, but all connections that they make come by `wrap_bio`.
    """

    _sessions: dict[str, _Session]

    def __new__(cls) -> Self:
        """Return one that checks the server's certificate and its name."""
        context = super().__new__(cls, ssl.PROTOCOL_TLS_CLIENT)
        context._sessions = {}
        return context

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,  # noqa: FBT001, FBT002 - its base's
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """Return an object for a connection that is to be made."""
        if isinstance(server_hostname, str):
            session = self._session(server_hostname)
        return super().wrap_bio(incoming, outgoing, server_side, server_hostname, session)

    def remember(self, connection: ssl.SSLObject) -> None:
        """Keep the session of a connection on which an answer has come; with TLS 1.3 tickets come before that.

        That of a resumed one is not kept, since its server has shown no certificate.
        """
        host = connection.server_hostname
        if host is None or connection.session_reused:
            return
        if (session := connection.session) is not None:
            while len(self._sessions) >= _MAX_HOSTS and host not in self._sessions:
                del self._sessions[next(iter(self._sessions))]
            self._sessions[host] = _Session(session, time.monotonic())

    def forget(self, host: str) -> bool:
        """Resume no session with a host; return whether there was one."""
        return self._sessions.pop(host, None) is not None

    def _session(self, host: str) -> ssl.SSLSession | None:
        found = self._sessions.get(host)
        if found is None or time.monotonic() - found.verified_at > SESSION_SECONDS:
            return None
        return found.session
