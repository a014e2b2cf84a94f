"""How the operator reaches the API server: from a kubeconfig, or as a pod."""

import asyncio
import os
import ssl
from pathlib import Path
from typing import Any, Final, Self

import yaml
from kubernetes.aio.client import Configuration
from kubernetes.aio.config import ConfigException, kube_config

from tenantproxy.kube.access import KubeAccess
from tenantproxy.kube.api import KubeError

_DEFAULT: Final = "~/.kube/config"
_REFRESH_SECONDS: Final = 60
"""How often a plugin's token is refreshed where that is due, and when a plugin that failed is called again."""


class Connection:
    """The address of the API server with credentials, for our own calls and for kopf's."""

    def __init__(
        self,
        access: KubeAccess,
        *,
        loaded: Any = None,  # noqa: ANN401 - untyped library
        configuration: Any = None,  # noqa: ANN401 - the same
        namespace: str = "default",
    ) -> None:
        self.access = access
        self.namespace = namespace
        """What the kubeconfig's context names for commands without one; "default" where it names none."""
        self._loader = loaded
        self._configuration = configuration

    @classmethod
    async def load(cls, kubeconfig: Path | None, context: str | None = None) -> Self:
        """Return the connection of `kubeconfig`, else $KUBECONFIG, else the pod's own, else ~/.kube/config.

        Raises:
            KubeError: None of them can be used.

        """
        named = str(kubeconfig) if kubeconfig else os.environ.get("KUBECONFIG")
        if not named and not context and "KUBERNETES_SERVICE_HOST" in os.environ:
            return cls(KubeAccess.in_cluster())
        path = named or kube_config.KUBE_CONFIG_DEFAULT_LOCATION or _DEFAULT  # empty if $KUBECONFIG was
        if not _is_there(path):
            raise KubeError(f"no usable kubeconfig at {path} (there is no such file), and this is not a pod")
        configuration = Configuration()
        try:
            loader = await kube_config.load_kube_config(  # type: ignore[no-untyped-call]
                config_file=path, context=context, client_configuration=configuration, persist_config=False
            )
        except (ConfigException, OSError) as error:
            raise KubeError(f"no usable kubeconfig at {path} ({error}), and this is not a pod") from None
        except (AttributeError, KeyError, TypeError, ValueError, yaml.YAMLError):
            # The library does not check what it reads, and YAML's errors quote it.
            raise KubeError(f"{path} is not a kubeconfig; see `kubectl config view`") from None
        if not configuration.host:
            raise KubeError(f"{path} names no server; set `server` of the cluster")
        try:
            tls = _tls(configuration)
        except (OSError, ssl.SSLError) as error:
            raise KubeError(f"{path}: its certificates can't be used: {error}") from None
        access = KubeAccess(
            url=configuration.host.rstrip("/"),
            tls=tls,
            # A token's file may end in a newline.
            authorization=lambda: configuration.api_key.get("BearerToken", "").strip() or None,
        )
        namespace = (loader.current_context.get("context") or {}).get("namespace") or "default"
        return cls(access, loaded=loader, configuration=configuration, namespace=str(namespace))

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


def _is_there(path: str) -> bool:
    """Tell whether there is any of the files that a path lists."""
    return any(Path(each).expanduser().exists() for each in path.split(os.pathsep) if each)


def _tls(configuration: Any) -> ssl.SSLContext | None:  # noqa: ANN401 - untyped library
    if not configuration.host.startswith("https:"):
        return None
    context = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # as in `KubeAccess.in_cluster`
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, configuration.key_file)
    if not configuration.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
