"""Validate what the structure of a configuration can't express: URLs, paths, networks and mapping rules."""

import re
from collections.abc import Iterator
from typing import Final

from msgspec import UNSET

from tenantproxy.config import ConfigError, Egress, ForwardProxy, ProxyConfig, Upstream
from tenantproxy.errors import FieldProblem
from tenantproxy.oms.outcomes import OutcomeError, compile_outcomes
from tenantproxy.oms.requests.compiler import RequestError
from tenantproxy.oms.requests.criteria import criteria_of
from tenantproxy.oms.requests.fixed_headers import check_header
from tenantproxy.oms.requests.paging import COUNTED, counts_orders
from tenantproxy.oms.requests.plan import compile_requests
from tenantproxy.operations import OPERATIONS
from tenantproxy.orders.mapping import CompiledMapping, MappingError, compile_mapping
from tenantproxy.tracing.settings import check_endpoint
from tenantproxy.transport import egress
from tenantproxy.transport.egress_policy import oms_policy, platform_policy
from tenantproxy.transport.no_proxy import check_entry

_TARGET: Final = re.compile(r"(?:/[!-\"$-~]*)?")
"""A path, perhaps with a query, as it is sent."""
_DOT_SEGMENT: Final = re.compile(r"/\.\.?(?=/|$)")
_RELAY_HEADER: Final = re.compile("idempotency-key|webhook-.*", re.IGNORECASE)


def validate_config(config: ProxyConfig) -> CompiledMapping:
    """Return the compiled mapping of a configuration that can be used.

    Raises:
        ConfigError: It can't; the message names the fields.

    """
    if errors := find_errors(config):
        raise ConfigError("; ".join(f"`{error.field}` {error.detail}" for error in errors))
    return compile_mapping(config.mapping)


def find_errors(config: ProxyConfig) -> list[FieldProblem]:
    """Return what is wrong with a configuration; `field` is its path, in a CR below `spec`."""
    return [
        *_url(config),
        *_poslog_addresses(config),
        *_token_endpoint(config),
        *_requests(config.upstream),
        *_outcomes(config.upstream),
        *_mapping(config),
        *_criteria(config),
        *_counted_pages(config),
        *_poslog(config),
    ]


def _url(config: ProxyConfig) -> Iterator[FieldProblem]:
    upstream = config.upstream
    try:
        policy = oms_policy(config)
    except ValueError as error:
        yield FieldProblem("egress", f"{error}; write CIDRs such as 10.1.0.0/16")
        return
    yield from _tracing(config)
    try:
        egress.check_url(upstream.url, policy, allow_insecure=upstream.allow_insecure)
    except egress.UrlError as error:
        yield FieldProblem("upstream.url", str(error))
    if upstream.forward_proxy:
        for field, detail in forward_proxy_errors(upstream.forward_proxy, config.egress):
            yield FieldProblem(f"upstream.forwardProxy.{field}", detail)


def forward_proxy_errors(given: ForwardProxy, egress_lists: Egress) -> Iterator[FieldProblem]:
    """Yield what is wrong with a forward proxy; `egress_lists` have been checked."""
    try:
        egress.check_forward_proxy_url(given.url, platform_policy(egress_lists))
    except egress.UrlError as error:
        yield FieldProblem("url", str(error))
    for index, entry in enumerate(given.no_proxy):
        try:
            check_entry(entry)
        except ValueError as error:
            yield FieldProblem(f"noProxy[{index}]", str(error))


def _tracing(config: ProxyConfig) -> Iterator[FieldProblem]:
    if config.tracing and config.tracing.endpoint is not None:
        try:
            check_endpoint(config.tracing.endpoint, config.egress)
        except egress.UrlError as error:
            yield FieldProblem("tracing.endpoint", str(error))


def _poslog_addresses(config: ProxyConfig) -> Iterator[FieldProblem]:
    """Yield what is wrong with where a relay sends events, and has Google's keys from."""
    if not config.poslog:
        return
    if not _TARGET.fullmatch(config.poslog.delivery.path):
        yield FieldProblem("poslog.delivery.path", "is not a path; it is empty, or starts with / and has no space")
    id_token = config.poslog.verification.id_token or None
    if id_token is None:
        return
    if sum(each is not None for each in (id_token.jwks_uri, id_token.jwks_file, id_token.jwks)) > 1:
        yield FieldProblem(
            "poslog.verification.idToken", "has two sources of keys; leave one, or none for Google's"
        )
    if id_token.jwks_uri is not None:
        try:
            policy = oms_policy(config)
        except ValueError:
            return  # which is told of `egress`
        try:
            egress.check_url(id_token.jwks_uri, policy, allow_insecure=config.upstream.allow_insecure)
        except egress.UrlError as error:
            yield FieldProblem("poslog.verification.idToken.jwksUri", str(error))


def _token_endpoint(config: ProxyConfig) -> Iterator[FieldProblem]:
    for index, cidr in enumerate(config.auth.token_endpoint.allow_networks):
        try:
            egress.check_private_network(cidr)
        except ValueError as error:
            yield FieldProblem(f"auth.tokenEndpoint.allowNetworks[{index}]", str(error))


def _requests(upstream: Upstream) -> Iterator[FieldProblem]:
    try:
        compile_requests(upstream)
    except RequestError as error:
        yield from (FieldProblem(f"upstream.operations.{field}", detail) for field, detail in error.errors)


def _outcomes(upstream: Upstream) -> Iterator[FieldProblem]:
    for operation in OPERATIONS:
        try:
            compile_outcomes(operation, upstream.operations.of(operation).outcomes)
        except OutcomeError as error:
            yield from (
                FieldProblem(f"upstream.operations.{operation.name}.{field}", detail)
                for field, detail in error.errors
            )


def _mapping(config: ProxyConfig) -> Iterator[FieldProblem]:
    try:
        compile_mapping(config.mapping)
    except MappingError as error:
        yield from (FieldProblem(f"mapping.{field}", detail) for field, detail in error.errors)


def _criteria(config: ProxyConfig) -> Iterator[FieldProblem]:
    """Yield which rules take the value of a criterion that there is not, or not always."""
    criteria = criteria_of(config.upstream.operations.search_orders)
    for field, rule in config.mapping.search_orders.fields.items():
        if rule.criterion is None:
            continue
        path = f"mapping.searchOrders.fields.{field}.criterion"
        if rule.criterion not in criteria:
            known = ", ".join(criteria)
            yield FieldProblem(path, f"is not a criterion of this search; there are {known}")
        elif not criteria[rule.criterion] and rule.default is UNSET:
            yield FieldProblem(path, "may be missing in a search; add `default`, or make the criterion `required`")


def _counted_pages(config: ProxyConfig) -> Iterator[FieldProblem]:
    """Yield whether orders are left out of pages whose orders are counted: what is left out counts, too."""
    pages = config.upstream.operations.search_orders.pages
    if config.mapping.search_orders.where and pages is not None and counts_orders(pages):
        yield FieldProblem("mapping.searchOrders.where", COUNTED)


def _poslog(config: ProxyConfig) -> Iterator[FieldProblem]:
    """Yield what is wrong with what only a PosLog relay has."""
    if not config.poslog:
        return
    from tenantproxy.poslog.rules import checks  # noqa: PLC0415 - for relays

    delivery, verification = config.poslog.delivery, config.poslog.verification
    yield from checks.find_problems(config.poslog.filter, "poslog.filter")
    if not (verification.shared_key or verification.basic or verification.id_token):
        yield FieldProblem("poslog.verification", "has nothing that an event must show; set one or more")
    if verification.basic and verification.id_token:
        yield FieldProblem("poslog.verification", "has both `basic` and `idToken`; an event has one Authorization")
    if delivery.path.startswith("//") or _DOT_SEGMENT.search(delivery.path):
        yield FieldProblem("poslog.delivery.path", "has // in front or a dot segment; write the path out")
    for name, value in delivery.headers.items():
        if _RELAY_HEADER.fullmatch(name):  # whose name may look like a credential's, too
            yield FieldProblem(f"poslog.delivery.headers[{name}]", "is set by the relay itself; remove it")
            continue
        try:
            check_header(name, value)
        except ValueError as error:
            yield FieldProblem(f"poslog.delivery.headers[{name}]", str(error))
