"""The credential as a Secret of the pod's own namespace, read and replaced by way of the API server.

What the pod's Role must grant, on this one Secret by name: get, update, watch.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Final, Self
from urllib.parse import quote

import msgspec

from tenantproxy.backoff import Backoff
from tenantproxy.config import Tenant
from tenantproxy.credentials.base import Credential
from tenantproxy.credentials.stores.base import ForeignSecretError, NewNote, Stored, StoreError
from tenantproxy.credentials.stores.replacement import BACKOFF, Replacement
from tenantproxy.credentials.stores.secret import TENANT_ID, Secret, SecretError
from tenantproxy.kube.access import KubeAccess
from tenantproxy.kube.api import KubeError, StatusError, UnreachableError
from tenantproxy.kube.pod_client import PodClient
from tenantproxy.kube.reflector import Reflector

_log = logging.getLogger(__name__)

FIELD_MANAGER: Final = "tenantproxy-proxy"
"""The name under which the Secret's `managedFields` keep what was set here."""
_NOTE_MANAGER: Final = f"{FIELD_MANAGER}-note"
"""Another one, so that they tell when the keys were written last, whatever has been noted since."""

_CALL_SECONDS: Final = 2.0
"""For one call of the API server: a person waits for a PUT, and a start for the first read."""
_REPLACEMENT: Final = 2
"""How many of these times one replacement may take: a write that hangs, and a read that finds out what it did."""
_GONE: Final = 410

_FIXES: Final = {
    401: "the token of the pod's service account is not accepted",
    403: "the Role of the pod's service account must grant get, update and watch on it, by its name, and no"
    " admission policy may refuse the change",
    404: "it does not exist; the operator creates it, see the conditions of the TenantProxy",
    422: "its `type`, or an admission policy, forbids the change; delete it, and the operator recreates it",
}


class _Metadata(msgspec.Struct, rename="camel"):
    resource_version: str


class _Version(msgspec.Struct):
    """All that is used of a watch event: that the Secret has another version."""

    metadata: _Metadata


class KubernetesStore:
    """A `CredentialStore` on one Secret."""

    def __init__(
        self,
        access: KubeAccess,
        namespace: str,
        name: str,
        tenant: Tenant,
        *,
        call_seconds: float = _CALL_SECONDS,
    ) -> None:
        self._access = access
        self._tenant = tenant
        self._call_seconds = call_seconds
        self._name = name
        self._subject = f"Secret {namespace}/{name}"
        self._folder = f"/api/v1/namespaces/{quote(namespace, safe='')}/secrets"
        self._path = f"{self._folder}/{quote(name, safe='')}"
        self._opened: PodClient | None = None

    @classmethod
    def in_pod(cls, name: str, tenant: Tenant, directory: Path) -> Self:
        """Return the store on a tenant's Secret, of the pod's own namespace; `directory` is its service account's.

        Raises:
            KubeError: This is no pod, or it has no service account's token.

        """
        access = KubeAccess.in_cluster(directory)
        try:
            namespace = (directory / "namespace").read_text().strip()
        except OSError as error:
            raise KubeError(f"{directory}/namespace can't be read ({error.strerror})") from None
        return cls(access, namespace, name, tenant)

    @property
    def _client(self) -> PodClient:
        """The client; it can be made only where a loop runs."""
        if self._opened is None:
            self._opened = PodClient(self._access)
        return self._opened

    async def close(self) -> None:
        """Close all connections."""
        if self._opened is not None:
            await self._opened.close()

    async def read(self) -> Stored:
        """Return our keys."""
        try:
            return _stored(await self._get())
        except StatusError as error:
            if error.reason == "NotFound":
                return Stored({}, None)
            raise self._error(error) from None
        except (KubeError, SecretError) as error:
            raise self._error(error) from None

    async def replace(self, stored: Stored, credential: Credential, note: NewNote | None = None) -> Stored:
        """Put `credential` in the place of the stored one, whatever else is changed in the Secret meanwhile."""
        seen = stored.version if isinstance(stored.version, Secret) else None
        replacement = Replacement(self._get, self._put, credential, note, self._tenant, seen)
        try:
            async with asyncio.timeout(_REPLACEMENT * self._call_seconds):
                return _stored(await replacement.run())
        except TimeoutError:
            failure: Exception = UnreachableError("no answer in time")
        except (KubeError, SecretError) as error:
            failure = error
        raise self._error(failure, in_doubt=replacement.in_doubt) from None

    async def annotate(self, note: Callable[[Stored], str | None]) -> Stored:
        """Change the annotation alone, by optimistic locking."""
        backoff = Backoff(*BACKOFF, spread="half")
        failure: Exception = UnreachableError("no answer in time")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._call_seconds):
                while True:
                    try:
                        secret = await self._get()
                        if (text := note(_stored(secret))) is not None:
                            await self._put(document := secret.annotated(text), _NOTE_MANAGER)
                            secret = Secret(document)
                    except (KubeError, SecretError) as error:
                        failure = error
                        if not isinstance(error, StatusError) or error.reason != "Conflict":
                            break
                        await asyncio.sleep(backoff.next())
                    else:
                        return _stored(secret)
        raise self._error(failure) from None

    async def watch(self) -> AsyncGenerator[None, None]:
        """Yield when the watch begins and each time the Secret has changed; changes meanwhile count as one."""
        changes = _Changes(self._error)
        selector = {"fieldSelector": f"metadata.name={self._name}"}
        reflector = Reflector(self._client, self._folder, _Version, changes, selector=selector, may_list=False)
        following = asyncio.create_task(reflector.run(), name=f"watch of {self._subject}")
        following.add_done_callback(lambda _: changes.noted.set())
        try:
            while True:
                await changes.noted.wait()
                changes.noted.clear()
                if following.done():
                    await following
                yield
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    async def _get(self) -> Secret:
        secret = Secret(await self._client.request("GET", self._path, timeout=self._call_seconds))
        if secret.tenant_id not in (None, self._tenant.id):
            raise ForeignSecretError(
                f"{self._subject} is another tenant's, as its annotation {TENANT_ID} says; delete it, or set the"
                " annotation to this tenant's id"
            )
        return secret

    async def _put(self, document: bytes, manager: str = FIELD_MANAGER) -> None:
        query = {"fieldManager": manager}
        await self._client.request("PUT", self._path, query=query, body=document, timeout=self._call_seconds)

    def _error(self, error: Exception, *, in_doubt: bool = False) -> StoreError:
        """Say what failed and what to do; without the API server's own words: a webhook may quote a value."""
        if isinstance(error, StatusError):
            fix = _FIXES.get(error.status, "see the API server's log")
            text = f"the API server answered {error.status} {error.reason}: {fix}"
        elif isinstance(error, KubeError):
            text = f"the API server did not respond ({error})"
        else:
            text = str(error)
        doubt = "; it may have been stored all the same: the next read shows whether it was" if in_doubt else ""
        return StoreError(f"{self._subject}: {text}{doubt}")


def _stored(secret: Secret) -> Stored:
    return Stored(secret.keys(), secret, secret.uid, secret.note)


class _Changes:
    """A `Follower` that wakes whoever waits for a change, and writes down why none can be seen."""

    def __init__(self, explained: Callable[[KubeError], StoreError]) -> None:
        self.noted = asyncio.Event()
        self._explained = explained
        self._last: str | None = None

    def on_list_start(self) -> None:
        """Do nothing: what is there is read elsewhere."""

    def on_list_end(self) -> None:
        """Note that there may be another version than before."""
        self._last = None
        self.noted.set()

    def on_upsert(self, _version: _Version) -> None:
        """Note another version."""
        self._last = None
        self.noted.set()

    def on_delete(self, _version: _Version) -> None:
        """Note that it was deleted."""
        self.noted.set()

    def on_error(self, error: KubeError) -> None:
        """Write down why, once; a place that the server has forgotten is nothing to write down."""
        status = error.status if isinstance(error, StatusError) else None
        if status == _GONE:
            return
        refused = status in (401, 403)
        text = str(self._explained(error))
        if text != self._last:
            _log.log(logging.WARNING if refused else logging.INFO, "the watch was interrupted: %s", text)
        self._last = text
