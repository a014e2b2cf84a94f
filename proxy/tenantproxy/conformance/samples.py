"""The tenant's test data: what the checks read."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from tenantproxy.config import ConfigError, ProxyConfig
from tenantproxy.credentials.base import is_unicode
from tenantproxy.oms.requests.criteria import CUSTOMER_ID
from tenantproxy.oms.requests.ids import PLAIN_IDS
from tenantproxy.oms.requests.plan import compile_requests
from tenantproxy.operations import GET_ORDER, SEARCH_ORDERS
from tenantproxy.problems import Problem


class Samples(NamedTuple):
    """What the tenant's OMS has."""

    business_unit: str
    order: str
    customer: str
    other_order: str | None = None
    criteria: Mapping[str, str] = MappingProxyType({})
    """Further ones, for searches that need them."""


def check_samples(samples: Samples, config: ProxyConfig) -> None:
    """Check that a till could ask for them, by a configuration that can be used.

    Raises:
        ConfigError: It could not; the message names the option.

    """
    texts = {
        "--customer": samples.customer,
        **{f"--criterion {name}": text for name, text in samples.criteria.items()},
    }
    for option, text in texts.items():
        if not is_unicode(option + text):
            raise ConfigError(f"{option.encode('ascii', 'replace').decode()} is not valid Unicode text")
    plans = compile_requests(config.upstream)
    ids = plans[GET_ORDER.name].order_ids
    for option, rule, value in (
        ("--business-unit", PLAIN_IDS, samples.business_unit),
        ("--order", ids, samples.order),
        ("--other-order", ids, samples.other_order),
    ):
        if value is not None and not rule.holds(value):
            raise ConfigError(f"{option} {rule.detail}")
    if samples.other_order == samples.order:
        raise ConfigError("--other-order is the same as --order; give another one, or leave it out")
    search = plans[SEARCH_ORDERS.name]
    if search.is_supported and search.criteria is not None:
        given = {CUSTOMER_ID: samples.customer, **samples.criteria}
        try:
            search.criteria.check({name: msgspec.Raw(msgspec.json.encode(text)) for name, text in given.items()})
        except Problem as problem:
            wrong = "; ".join(f"{error.field.removeprefix('/')} {error.detail}" for error in problem.errors)
            raise ConfigError(f"--customer, --criterion: {wrong}") from None
