"""How the API server is reached: its address, its CAs, and the token of who asks."""

import os
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from tenantproxy.kube.api import KubeError

SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where the kubelet mounts a pod's token and the API server's CA."""
_TOKEN_SECONDS: Final = 10.0
"""Seconds for which a token is used before its file is read again; the kubelet rotates it."""


@dataclass(frozen=True, kw_only=True)
class KubeAccess:
    """The address of the API server, its CAs, and the credentials."""

    url: str
    tls: ssl.SSLContext | None = None
    """None: the system's CAs, or plain http."""
    authorization: Callable[[], str | None] = lambda: None
    """Returns the `Authorization` to send now."""

    def headers(self) -> dict[str, str]:
        """Return the header that says who asks, if there is one."""
        value = self.authorization()
        return {} if value is None else {"Authorization": value}

    @classmethod
    def in_cluster(cls, directory: Path = SERVICE_ACCOUNT, environ: Mapping[str, str] = os.environ) -> Self:
        """Return how a pod reaches the API server of its own cluster.

        Raises:
            KubeError: This is no pod, or it has no service account's token.

        """
        try:
            host, port = environ["KUBERNETES_SERVICE_HOST"], environ["KUBERNETES_SERVICE_PORT"]
            tls = ssl.create_default_context(cafile=str(directory / "ca.crt"))
        except KeyError as error:
            raise KubeError(f"the environment has no {error.args[0]}; is this a pod?") from None
        except (OSError, ssl.SSLError) as error:
            raise KubeError(f"{directory}/ca.crt can't be used ({error.strerror}); is a token mounted?") from None
        # Python 3.13 sets this flag; but the CAs of some clusters (EKS) lack the key identifiers that it demands.
        tls.verify_flags &= ~ssl.VERIFY_X509_STRICT
        host = f"[{host}]" if ":" in host else host
        return cls(url=f"https://{host}:{port}", tls=tls, authorization=TokenFile(directory / "token"))


class TokenFile:
    """A bearer token in a file, read again when it may have been rotated."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._authorization: str | None = None
        self._read_at = 0.0

    def __call__(self) -> str | None:
        """Return the `Authorization`; None where there has never been a token."""
        now = self._clock()
        if self._authorization is None or now - self._read_at >= _TOKEN_SECONDS:
            if (token := self._read()) is not None:  # the last one may still be good
                self._authorization = f"Bearer {token}"
            self._read_at = now
        return self._authorization

    def _read(self) -> str | None:
        """Return the token; None where there is none, or one that no header can carry."""
        try:
            token = self._path.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            return None
        return token if token and token.isprintable() else None
