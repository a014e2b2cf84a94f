"""The CustomResourceDefinition of TenantProxies: whether the API server serves it, and by which schema."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final

from tenantproxy.kube.api import StatusError
from tenantproxy_operator.api.names import GROUP, PLURAL
from tenantproxy_operator.api.served_schema import ServedSchema, own_schema, unreadable_schema
from tenantproxy_operator.kube.client import TENANT_PROXY, Cluster

_log = logging.getLogger(__name__)

_NAME: Final = f"the CustomResourceDefinition {PLURAL}.{GROUP}"
_NOT_READ: Final = (403, 404)
"""The schema is not for us, or not published yet."""
_MOST_NAMED: Final = 20
_SETTLING: Final = 5.0
"""Seconds for which a watch from before a change of the schema may still bring objects by the earlier one."""


class ServedCrd:
    """Follows the CRD by looking at it every now and then; see `check`."""

    def __init__(
        self,
        cluster: Cluster,
        *,
        on_schema: Callable[[ServedSchema], Awaitable[None]],
        on_settling: Callable[[], Awaitable[None]],
        on_gone: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare; `on_schema` is called where the CRD has come or changed, `on_gone` where it is not there.

        `on_settling` is called at each look after a change until that has settled: what came by the earlier schema
        meanwhile has to be read again.
        """
        self._cluster = cluster
        self._on_schema = on_schema
        self._on_settling = on_settling
        self._on_gone = on_gone
        self._clock = clock
        self._settles_at: float | None = None
        """When a change will have settled; None: it has, and all was read since."""
        self._served = asyncio.Event()
        self._schema: ServedSchema | None = None
        self._tag = ""
        self._missed = False
        """Whether it was said that it is missing."""

    @property
    def served(self) -> bool:
        """Whether the API server serves TenantProxies."""
        return self._served.is_set()

    async def check(self) -> bool:
        """Look again; return whether TenantProxies are served.

        Raises:
            KubeError: The API server does not tell; nothing has changed then.

        """
        if not await self._cluster.serves(TENANT_PROXY):
            self._miss()
            self._on_gone()
            return False
        tag, schema = await self._read()
        if schema != self._schema or not self.served:
            await self._on_schema(schema)
            if schema != self._schema:
                _announce(schema, self._schema or own_schema())
            self._served.set()
            if self._missed:
                self._missed = False
                _log.info("the API server serves TenantProxies again")
        elif self._settles_at is not None:
            settled = self._clock() >= self._settles_at
            await self._on_settling()
            if settled:
                self._settles_at = None
        if self._schema is not None and schema != self._schema:
            self._settles_at = self._clock() + _SETTLING
        self._tag, self._schema = tag, schema
        return True

    async def wait_until_back(self) -> None:
        """Return once `check` has found the CRD again: for a request that was answered as if there was none."""
        self._miss()
        await self._served.wait()

    def _miss(self) -> None:
        if not self._missed:
            lost = "; with it all TenantProxies were deleted: then apply their manifests again"
            _log.error(
                "the API server does not serve TenantProxies; apply what `tenantproxy-operator crd` prints%s",
                lost if self.served else "",
            )
        self._missed = True
        self._served.clear()

    async def _read(self) -> tuple[str, ServedSchema]:
        """Return the schema as it is now, and its tag; as it was, where it can't be read. Raises KubeError."""
        news = None
        try:
            news = await self._cluster.read_schema(self._tag)
        except StatusError as error:
            if error.status not in _NOT_READ:
                raise
            if self._schema is None:
                _log.warning("the schema of TenantProxies can't be read; unknown fields are ignored: %s", error)
        return news or (self._tag, self._schema or unreadable_schema())


def _announce(schema: ServedSchema, before: ServedSchema) -> None:
    """Log how the CRD differs from this version's, where it did not before."""
    added, missing = list(schema.added_fields()), schema.missing_fields()
    if added and added != list(before.added_fields()):
        _log.warning(
            "%s has fields that this version of the operator does not know, and ignores: %s; update the operator",
            _NAME,
            _named(added),
        )
    if missing and missing != before.missing_fields():
        _log.warning(
            "%s lacks fields of this version of the operator: %s; apply what `tenantproxy-operator crd` prints",
            _NAME,
            _named(missing),
        )
    if not (added or missing) and (before.added_fields() or before.missing_fields()):
        _log.info("%s has this version's fields", _NAME)


def _named(paths: list[str]) -> str:
    more = f" and {len(paths) - _MOST_NAMED} more" if len(paths) > _MOST_NAMED else ""
    return ", ".join(paths[:_MOST_NAMED]) + more
