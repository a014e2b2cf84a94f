"""Read one order, or a search's pages, at a running OMS: as the proxy does, for `tenantproxy map --url`."""

import logging
import os
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import quote

import msgspec

from tenantproxy.admission import Admission, Ticket
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
from tenantproxy.errors import FieldProblem
from tenantproxy.metrics import Metrics
from tenantproxy.oms.client import OmsClient
from tenantproxy.oms.clients import ClientFactory
from tenantproxy.oms.conversion import Converter
from tenantproxy.oms.outcomes import NO_ORDERS_FOUND
from tenantproxy.oms.reads import Bound, Reader
from tenantproxy.oms.requests.fixed_headers import of_the_proxy
from tenantproxy.oms.requests.plan import RequestPlan, compile_requests
from tenantproxy.oms.requests.request import OmsRequest
from tenantproxy.oms.responses import Asked, other_order
from tenantproxy.operations import ORDER_ID
from tenantproxy.orders.explanation.origins import explain
from tenantproxy.orders.mapping import CompiledMapping
from tenantproxy.orders.preview import MappingPreview
from tenantproxy.problems import Problem
from tenantproxy.transport.base import UpstreamResponse
from tenantproxy.transport.forward_proxy import forward_proxy
from tenantproxy.transport.tls import TlsFiles

_BUSINESS_UNIT: Final = "businessUnitId"


class Reading(NamedTuple):
    """What came of it."""

    answer: bytes | None
    """The OMS's, decoded: of several pages the one that breaks the contract, else the first.

    None: there is nothing to be mapped in it, as `outcomes` say.
    """
    preview: MappingPreview
    cut_by: Bound | None = None
    """Why the answer lacks pages of a search; None: it does not."""


async def read_live(
    question: Question, config: ProxyConfig, mapping: CompiledMapping, keys: Mapping[str, str]
) -> Reading:
    """Read once, with all that guards the proxy's reads; `keys` came with the configuration.

    Raises:
        ConfigError: There is no credential that can be used, or files for TLS can't be.
        Problem: There is no answer that could be mapped.

    """
    # What the guards log, such as that the credential is rejected, is what the answer says, too.
    logging.getLogger("tenantproxy").addHandler(logging.NullHandler())
    credential = _credential(question.credentials, keys, config)
    tls = TlsFiles(config.upstream.tls, question.tls_directory)
    tls.check()
    metrics = Metrics(config.tenant)
    clients = ClientFactory(config, tls, forward_proxy(config, tls, question.forward_proxy_credentials))
    active = ActiveCredential(clients, metrics)
    oms = OmsClient(config.upstream, clients.oms(), active, metrics)
    try:
        await active.use(credential)
        return await _read(question, config, mapping, oms, metrics)
    finally:
        await active.close()
        await oms.close()


async def _read(
    question: Question, config: ProxyConfig, mapping: CompiledMapping, oms: OmsClient, metrics: Metrics
) -> Reading:
    operation = question.operation
    plan = compile_requests(config.upstream)[operation.name]
    requests, criteria = _requests(question, config, plan)
    ticket = Admission(1, config.upstream.max_response_bytes).admit(None)
    calls = _Calls(oms)
    converter = Converter(config.upstream, mapping)
    reader = Reader(config.upstream, converter, calls, metrics)
    try:
        whole = await reader.read(operation, requests, question.order, ticket, plan.paging, criteria=criteria)
    except Problem as problem:
        if problem.code == "upstream-contract" and problem.errors:
            last = calls.responses[-1].body
            errors = [*problem.errors]
            if problem.reason == "contract" and question.order is not None:
                request = requests[len(calls.responses) - 1]
                asked = converter.asked(question.order, request.order_id)
                errors += _other_order(question, config, last, asked)
            return Reading(last, MappingPreview(operation, b"", errors, criteria))
        raise
    # Of an order, the form of its id that was found; of a search, the first page.
    response = calls.responses[-1] if plan.paging is None else calls.responses[0]
    answer = None if response.meaning == NO_ORDERS_FOUND else response.body
    preview = MappingPreview(operation, msgspec.json.format(whole.body, indent=2), [], criteria)
    return Reading(answer, preview, whole.cut_by)


def _other_order(
    question: Question, config: ProxyConfig, answer: bytes, asked: Asked | None
) -> list[FieldProblem]:
    """Return what is wrong with the id in an answer whose other fields break the contract."""
    operation = question.operation
    for origin in explain(operation, config.mapping.of(operation), answer).origins:
        if origin.pointer == f"{operation.root}/{ORDER_ID}" and origin.after is not None:
            found = msgspec.json.decode(origin.after)
            return other_order(operation, found, asked) if isinstance(found, str) else []
    return []


class _Calls:
    """The proxy's calls, whose responses are kept."""

    def __init__(self, oms: OmsClient) -> None:
        self.deadline = oms.deadline
        self.is_over = oms.is_over
        self.responses: list[UpstreamResponse] = []
        self._oms = oms

    async def read(self, ticket: Ticket, request: OmsRequest, deadline: float | None = None) -> UpstreamResponse:
        """Make one call; see `reads.Calls`."""
        response = await self._oms.read(ticket, request, deadline)
        self.responses.append(response)
        return response


def _requests(
    question: Question, config: ProxyConfig, plan: RequestPlan
) -> tuple[tuple[OmsRequest, ...], Mapping[str, str]]:
    """Return the requests of the OMS, as `api.handler` makes them of a caller's request, and its criteria."""
    operation = question.operation
    if not plan.is_supported:
        raise Problem("search-not-supported", "This order management system has no search.")
    given = {_BUSINESS_UNIT: question.business_unit, ORDER_ID: question.order or ""}
    segments = tuple(quote(given[name], safe="") for name in operation.placeholders)
    ids = routes.checked_ids(operation, segments, plan)
    criteria = None
    if plan.criteria is not None:
        criteria = plan.criteria.check(search_criteria.parse(msgspec.json.encode(question.criteria)))
    headers = {**plan.headers, **of_the_proxy(config.tenant.id), "Correlation-Id": str(uuid.uuid4())}
    return plan.requests(ids, criteria, headers), criteria or {}


def _credential(directory: Path | None, beside: Mapping[str, str], config: ProxyConfig) -> Credential:
    """Return the credential from the first place that has one: the directory, the environment, the manifest."""
    name: Callable[[str], str] = str
    try:
        keys: Mapping[str, str] = read_environment(os.environ) if directory is None else read_keys(directory)
        if directory is None and keys:
            name = variable
        elif directory is None:
            keys = beside
        credential = usable_credential(keys, config)
    except StoreError as error:
        raise ConfigError(str(error)) from None
    except CredentialError as error:
        raise ConfigError("; ".join(f"`{name(key)}` {detail}" for key, detail in error.errors)) from None
    if credential is None:
        ways = ", or ".join(" and ".join(map(variable, kind.required_keys)) for kind in KINDS.values())
        where = f"set {ways}" if directory is None else f"{directory} has none"
        raise ConfigError(f"no credential for the OMS: {where}")
    return credential
