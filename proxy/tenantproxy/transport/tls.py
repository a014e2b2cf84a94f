"""TLS towards the OMS and the token endpoint: own CAs, a client certificate, and their rotation without restart.

The files are those of the Secrets that `upstream.tls` names: `ca/ca.crt`, `client/tls.crt`, `client/tls.key`.
"""

import logging
import ssl
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from tenantproxy.config import ConfigError, Tls
from tenantproxy.transport.expiry import EARLIEST, LATEST, expiry_of
from tenantproxy.transport.resumption import ResumingContext

_log = logging.getLogger(__name__)

CHECK_SECONDS: Final = 1.0
"""Between two checks of the files, taken when a request needs a context."""


class Contexts(Protocol):
    """Has the context for new connections."""

    def current(self) -> ssl.SSLContext:
        """Return the one to use now."""
        ...


class OneContext(NamedTuple):
    """One that stays."""

    context: ssl.SSLContext

    def current(self) -> ssl.SSLContext:
        """Return it."""
        return self.context


class ContextSource:
    """The context for new connections; another one when a file has changed.

    Files that can't be used leave the current context in place: half of a rotation does not break TLS.
    """

    def __init__(
        self,
        config: Tls,
        directory: Path,
        *,
        system_cas: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`system_cas`: trust the system's CAs also where the configuration brings an own CA."""
        self._ca = directory / "ca" / "ca.crt" if config.ca else None
        self._certificate = directory / "client" / "tls.crt" if config.client_certificate else None
        self._key = directory / "client" / "tls.key" if config.client_certificate else None
        self._system_cas = system_cas or self._ca is None
        self._clock = clock
        self.expiries: dict[str, float] = {}
        """When the files in use expire, Unix time, by what they are."""
        self._context: ResumingContext | None = None
        self._signature: tuple[object, ...] = ()
        self._checked_at = 0.0

    def check(self) -> None:
        """Check that there is a usable context.

        Raises:
            ConfigError: A file is missing or can't be used.

        """
        if self._ca is None and self._certificate is None:
            return  # the system's CAs need no check, and take time to load
        try:
            self._load()
        except (OSError, ValueError) as error:
            names = ", ".join(str(path) for path in (self._ca, self._certificate, self._key) if path)
            why = getattr(error, "strerror", None) or getattr(error, "reason", None) or type(error).__name__
            raise ConfigError(f"`upstream.tls`: {names} can't be used: {why}") from None

    def current(self) -> ResumingContext:
        """Return the context to use for a request now."""
        now = self._clock()
        if self._context is None:
            return self._load()
        if now - self._checked_at >= CHECK_SECONDS:
            self._checked_at = now
            if self._signature != self._read_signature():
                try:
                    return self._load()
                except (OSError, ValueError) as error:
                    _log.warning("changed TLS files can't be used; keeping the old ones: %s", type(error).__name__)
        return self._context

    def _load(self) -> ResumingContext:
        signature = self._read_signature()
        context = ResumingContext()
        if self._system_cas:
            context.load_default_certs()
        if self._ca is not None:
            context.load_verify_locations(self._ca)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        # Python's own default context has this from 3.13 on: the CA that is trusted may be an intermediate one. It
        # also has VERIFY_X509_STRICT there, which refuses certificates as many private CAs make them.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        if self._certificate is not None:
            context.load_cert_chain(self._certificate, self._key, password=_no_password)
        if self._certificate is not None:
            self.expiries["client-certificate"] = expiry_of(self._certificate, EARLIEST)
        if self._ca is not None:
            self.expiries["ca"] = expiry_of(self._ca, LATEST)
        self._context, self._signature, self._checked_at = context, signature, self._clock()
        return context

    def _read_signature(self) -> tuple[object, ...]:
        parts: list[object] = []
        for path in (self._ca, self._certificate, self._key):
            if path is not None:
                try:
                    stat = path.stat()
                    parts.append((stat.st_ino, stat.st_mtime_ns, stat.st_size))
                except OSError:
                    parts.append(None)
        return tuple(parts)


def _no_password() -> str:
    """Refuse an encrypted key; without this, OpenSSL would ask on the terminal."""
    raise ValueError("the key is encrypted")


class TlsFiles:
    """The contexts of one tenant's connections."""

    def __init__(self, config: Tls, directory: Path) -> None:
        self.oms: Final = ContextSource(config, directory, system_cas=False)
        """With an own CA only certificates of that CA are accepted."""
        self.token_endpoint: Final = ContextSource(config, directory, system_cas=True)
        """The identity provider is often a public service, also where the OMS has a CA of its own."""
        self.forward_proxy: Final = ContextSource(Tls(ca=config.ca), directory, system_cas=True)
        """The client certificate is for the OMS and the token endpoint only."""

    def check(self) -> None:
        """Check that the configured files can be used. Raises ConfigError."""
        self.oms.check()

    def expiries(self) -> Mapping[str, float]:
        """Return when `client-certificate` and `ca` expire, Unix time, if there are any, as they are now."""
        if self.oms.expiries:
            self.oms.current()  # no request may have noticed yet that they were replaced
        return self.oms.expiries
