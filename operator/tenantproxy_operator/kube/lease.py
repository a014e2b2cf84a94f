"""Reads and writes a Lease (coordination.k8s.io/v1), by which operators take turns."""

from typing import Final

import msgspec

from tenantproxy.kube.api import StatusError, decoded
from tenantproxy.kube.client import KubeClient
from tenantproxy_operator.kube.kinds import LEASE, Key
from tenantproxy_operator.kube.objects import LeaseRecord, StoredLease

_JSON: Final = "application/json"
_MERGE_PATCH: Final = "application/merge-patch+json"
_NOT_FOUND: Final = 404
_CONFLICT: Final = 409


class ConflictError(Exception):
    """A Lease has changed, come or gone since it was read."""


class _Metadata(msgspec.Struct, rename="camel"):
    resource_version: str


class _Lease(msgspec.Struct):
    metadata: _Metadata
    spec: LeaseRecord = LeaseRecord()


class LeaseClient:
    """The calls for one Lease. All raise KubeError, and take at most so many seconds."""

    def __init__(self, client: KubeClient, key: Key, *, timeout: float) -> None:
        self._client = client
        self.key = key
        self._timeout = timeout

    async def read(self) -> StoredLease | None:
        """Return the Lease; None where there is none."""
        path = LEASE.path(self.key.namespace, self.key.name)
        try:
            return _stored(await self._client.request("GET", path, timeout=self._timeout))
        except StatusError as error:
            if error.status == _NOT_FOUND:
                return None
            raise

    async def write(self, record: LeaseRecord, version: str | None) -> StoredLease:
        """Change the Lease of this resource version, None: create it; return it as it is then.

        What others have added to it, such as labels, stays.

        Raises:
            ConflictError: It is another one by now.

        """
        namespace, name = self.key
        metadata = {"namespace": namespace, "name": name} | (
            {} if version is None else {"resourceVersion": version}
        )
        lease = {"apiVersion": LEASE.api_version, "kind": LEASE.kind, "metadata": metadata, "spec": record}
        try:
            answer = await self._client.request(
                "POST" if version is None else "PATCH",
                LEASE.path(namespace) if version is None else LEASE.path(namespace, name),
                body=msgspec.json.encode(lease),
                content_type=_JSON if version is None else _MERGE_PATCH,
                timeout=self._timeout,
            )
        except StatusError as error:
            if error.status == _CONFLICT or (error.status == _NOT_FOUND and version is not None):
                raise ConflictError from None
            raise
        return _stored(answer)


def _stored(answer: bytes) -> StoredLease:
    lease = decoded(answer, _Lease)
    return StoredLease(lease.spec, lease.metadata.resource_version)
