"""How the operator reaches the API server: from a kubeconfig, or as a pod."""

import asyncio
import logging
import os
import ssl
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, Self

import aiohttp
import kopf
import yaml
from kubernetes.aio.client import Configuration
from kubernetes.aio.config import ConfigException, kube_config

from tenantproxy.backoff import Backoff
from tenantproxy.kube.client import Access, KubeError
from tenantproxy_operator.kube.restart_throttle import Pace

_log = logging.getLogger(__name__)

_REFRESH_SECONDS: Final = 60
_STABLE: Final = 5.0
"""A watch that lasted this many seconds makes earlier failures forgotten."""


class WatchPace:
    """Holds back a watch where the last one of the same path ended soon; kopf would open it at once, for ever."""

    def __init__(self, backoff: Callable[[], Backoff] = Backoff) -> None:
        """Prepare; `backoff` makes the pauses of one path."""
        self._make = backoff
        self._paces: dict[str, Pace] = {}
        self.trace = aiohttp.TraceConfig()
        """For a session whose watches are to be held back."""
        self.trace.on_request_start.append(self._before)

    async def _before(
        self, _: aiohttp.ClientSession, __: SimpleNamespace, request: aiohttp.TraceRequestStartParams
    ) -> None:
        if request.url.query.get("watch") != "true":
            return
        path = request.url.path
        pace = self._paces.setdefault(path, Pace(_STABLE, self._make()))
        told = "the watch %s ended soon after it began; the next one begins in %.1f s"
        await pace.wait(lambda delay: _log.warning(told, path, delay))


class Connection:
    """One way to the API server, for our own calls (`access`) and for kopf's (`login`)."""

    def __init__(self, access: Access, *, loaded: Any = None, configuration: Any = None) -> None:  # noqa: ANN401 - untyped library
        self.access = access
        self._pace = WatchPace()
        self._loader = loaded
        self._configuration = configuration

    @classmethod
    async def load(cls, kubeconfig: Path | None, context: str | None = None) -> Self:
        """Return the way that `kubeconfig` names, else $KUBECONFIG, else as a pod, else ~/.kube/config.

        Raises:
            KubeError: None of them can be used.

        """
        named = str(kubeconfig) if kubeconfig else os.environ.get("KUBECONFIG")
        if not named and not context and "KUBERNETES_SERVICE_HOST" in os.environ:
            return cls(Access.in_cluster())
        path = named or kube_config.KUBE_CONFIG_DEFAULT_LOCATION
        configuration = Configuration()
        try:
            loader = await kube_config.load_kube_config(  # type: ignore[no-untyped-call]
                config_file=path, context=context, client_configuration=configuration, persist_config=False
            )
        except (ConfigException, OSError) as error:
            raise KubeError(f"no usable kubeconfig at {path} ({error}), and this is no pod") from None
        except (AttributeError, KeyError, TypeError, ValueError, yaml.YAMLError):
            # The library does not check what it reads, and YAML's errors quote it.
            raise KubeError(f"{path} is not a kubeconfig; see `kubectl config view`") from None
        if not configuration.host:
            raise KubeError(f"{path} names no server; set `server` of the cluster")
        try:
            tls = _tls(configuration)
        except (OSError, ssl.SSLError) as error:
            raise KubeError(f"{path}: its certificates can't be used: {error}") from None
        access = Access(
            url=configuration.host.rstrip("/"),
            tls=tls,
            # A token's file may end in a newline.
            authorization=lambda: configuration.api_key.get("BearerToken", "").strip() or None,
        )
        return cls(access, loaded=loader, configuration=configuration)

    async def keep_fresh(self) -> None:
        """Keep a token that a kubeconfig's plugin gives fresh, until cancelled."""
        if self._loader is None:
            return
        while True:
            # The library's loop returns where nothing needs refreshing, and ends where a plugin fails once.
            try:
                await kube_config.refresh_token(  # type: ignore[no-untyped-call]
                    self._loader, self._configuration, interval=_REFRESH_SECONDS
                )
            except (ConfigException, OSError):
                await asyncio.sleep(_REFRESH_SECONDS)
            else:
                return

    def login(self) -> kopf.AiohttpSession:
        """Return a session for kopf that goes the same way; kopf closes it, and asks again after a 401."""
        authorization = self.access.authorization()
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=self.access.tls or True),
            headers={} if authorization is None else {"Authorization": authorization},
            trace_configs=[self._pace.trace],
        )
        return kopf.AiohttpSession(server=self.access.url, aiohttp_session=session)


def _tls(configuration: Any) -> ssl.SSLContext | None:  # noqa: ANN401 - untyped library
    if not configuration.host.startswith("https:"):
        return None
    context = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # as in `Access.in_cluster`
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, configuration.key_file)
    if not configuration.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
