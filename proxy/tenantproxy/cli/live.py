"""Read one order, or search once, at a running OMS: as the proxy does, for `tenantproxy map --url`."""

import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import quote

import msgspec

from tenantproxy import __version__
from tenantproxy.admission import Admission
from tenantproxy.api import routes, search_criteria
from tenantproxy.cli.question import Question
from tenantproxy.config import ConfigError, ProxyConfig
from tenantproxy.credentials.active import ActiveCredential
from tenantproxy.credentials.base import Credential, CredentialError
from tenantproxy.credentials.checks import usable_credential
from tenantproxy.credentials.kinds import KINDS
from tenantproxy.credentials.stores.base import StoreError
from tenantproxy.credentials.stores.environment import read_environment, variable
from tenantproxy.credentials.stores.files import read_keys
from tenantproxy.metrics import Metrics
from tenantproxy.oms.client import OmsClient
from tenantproxy.oms.clients import ClientFactory
from tenantproxy.oms.conversion import Converter
from tenantproxy.oms.outcomes import NO_ORDERS_FOUND
from tenantproxy.oms.requests.plan import compile_requests
from tenantproxy.oms.requests.request import OmsRequest
from tenantproxy.operations import ORDER_ID
from tenantproxy.orders.mapping import CompiledMapping
from tenantproxy.orders.preview import MappingPreview
from tenantproxy.problems import Problem
from tenantproxy.transport.forward_proxy import forward_proxy
from tenantproxy.transport.tls import TlsFiles

_BUSINESS_UNIT: Final = "businessUnitId"


class Reading(NamedTuple):
    """What came of it."""

    answer: bytes | None
    """The OMS's, decoded; None: there is nothing to be mapped in it, as `outcomes` say."""
    preview: MappingPreview


async def read_live(question: Question, config: ProxyConfig, mapping: CompiledMapping) -> Reading:
    """Read once, with all that guards the proxy's reads.

    Raises:
        ConfigError: There is no credential that can be used, or files for TLS can't be.
        Problem: There is no answer that could be mapped.

    """
    credential = _credential(question.credentials, config)
    tls = TlsFiles(config.upstream.tls, question.tls_directory)
    tls.check()
    metrics = Metrics(config.tenant)
    clients = ClientFactory(config, tls, forward_proxy(config, tls, question.forward_proxy_credentials))
    active = ActiveCredential(clients, metrics)
    oms = OmsClient(config.upstream, clients.oms(), active, metrics)
    try:
        await active.use(credential)
        return await _read(question, config, mapping, oms)
    finally:
        await active.close()
        await oms.close()


async def _read(question: Question, config: ProxyConfig, mapping: CompiledMapping, oms: OmsClient) -> Reading:
    operation = question.operation
    requests, criteria = _requests(question, config)
    ticket = Admission(1, config.upstream.max_response_bytes).admit(None)
    converter = Converter(config.upstream, mapping)
    deadline = oms.deadline(operation.name)
    for request in requests:
        response = await oms.read(ticket, request, deadline)
        try:
            outward = await converter.outward(
                operation, response, question.order, form=request.order_id, criteria=criteria
            )
            break
        except Problem as problem:
            if problem.code == "upstream-contract" and problem.errors:
                return Reading(response.body, MappingPreview(operation, b"", [*problem.errors], criteria))
            if problem.code != "order-not-found" or request is requests[-1]:
                raise
    answer = None if response.meaning == NO_ORDERS_FOUND else response.body
    return Reading(answer, MappingPreview(operation, msgspec.json.format(outward, indent=2), [], criteria))


def _requests(question: Question, config: ProxyConfig) -> tuple[tuple[OmsRequest, ...], Mapping[str, str]]:
    """Return the requests of the OMS, as `api.handler` makes them of a caller's request, and its criteria."""
    operation = question.operation
    plan = compile_requests(config.upstream)[operation.name]
    if not plan.is_supported:
        raise Problem("search-not-supported", "This order management system has no search.")
    given = {_BUSINESS_UNIT: question.business_unit, ORDER_ID: question.order or ""}
    segments = tuple(quote(given[name], safe="") for name in operation.placeholders)
    ids = routes.checked_ids(operation, segments, plan)
    criteria = None
    if plan.criteria is not None:
        criteria = plan.criteria.check(search_criteria.parse(msgspec.json.encode(question.criteria)))
    headers = {
        **plan.headers,
        "Accept-Encoding": "identity",
        "Tenant-Id": config.tenant.id,
        "User-Agent": f"TenantProxy/{__version__}",
        "Correlation-Id": str(uuid.uuid4()),
    }
    return plan.requests(ids, criteria, headers), criteria or {}


def _credential(directory: Path | None, config: ProxyConfig) -> Credential:
    try:
        keys = read_environment(os.environ) if directory is None else read_keys(directory)
        credential = usable_credential(keys, config)
    except StoreError as error:
        raise ConfigError(str(error)) from None
    except CredentialError as error:
        name = variable if directory is None else str
        raise ConfigError("; ".join(f"`{name(key)}` {detail}" for key, detail in error.errors)) from None
    if credential is None:
        ways = ", or ".join(" and ".join(map(variable, kind.required_keys)) for kind in KINDS.values())
        where = f"set {ways}" if directory is None else f"{directory} has none"
        raise ConfigError(f"no credential for the OMS: {where}")
    return credential
