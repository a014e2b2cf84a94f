"""Checks that a schema can't express."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from support.operator.manifests import changed, minimal, params
from tenantproxy import config
from tenantproxy.memory import needed
from tenantproxy_operator.api.quantities import parse_amount, parse_size
from tenantproxy_operator.api.resource import TenantProxy
from tenantproxy_operator.api.upstream import ForwardProxy
from tenantproxy_operator.render.pod import render_pod_template
from tenantproxy_operator.settings import Settings
from tenantproxy_operator.validation.resource import (
    MOST_NESTED,
    check_resource,
    check_secret,
    is_too_deep,
)

_OPERATIONS = "spec.upstream.operations"


@pytest.mark.parametrize(
    ("path", "value", "field", "detail"),
    [
        ("spec.upstream.url", "http://oms.example", "spec.upstream.url", "is plain http; use https, or set"),
        ("spec.upstream.url", "https://10.0.0.1", "spec.upstream.url", "allowPrivateNetworks: true"),
        ("spec.upstream.url", "https://u:p@oms.example", "spec.upstream.url", "has user-info"),
        (
            "spec.upstream.forwardProxy",
            {"url": "http://u:p@squid:3128"},
            "spec.upstream.forwardProxy.url",
            "has user-info",
        ),
        (
            "spec.upstream.forwardProxy",
            {"url": "http://169.254.169.254:3128"},
            "spec.upstream.forwardProxy.url",
            "is a cloud metadata address",
        ),
        (
            "spec.upstream.forwardProxy",
            {"url": "http://squid:3128", "noProxy": ["a.example", "10.1.0.0/99"]},
            "spec.upstream.forwardProxy.noProxy[1]",
            "is not a destination; write a domain",
        ),
        (
            f"{_OPERATIONS}.searchOrders.path",
            "/o/{customerOrderId}",
            f"{_OPERATIONS}.searchOrders.path",
            "has the unknown placeholder {customerOrderId}",
        ),
        (
            "spec.mapping.getOrder.fields.stautus",
            {"from": "/s"},
            "spec.mapping.getOrder.fields.stautus",
            "is not an output field; there are",
        ),
        (
            "spec.mapping.searchOrders.fields.status",
            {"const": 1},
            "spec.mapping.searchOrders.fields.status.const",
            "must be a string",
        ),
    ],
)
def test_bad_resource(path: str, value: Any, field: str, detail: str) -> None:
    """What the guard, the routes and the mapping refuse is refused in the manifest, at its path."""
    resource = TenantProxy.model_validate(changed(minimal(), path, value))
    (error,) = check_resource(resource, Settings())
    assert error.field == field
    assert detail in error.detail


@pytest.mark.parametrize("field", ["labels", "annotations"])
def test_pod_metadata(field: str) -> None:
    """Where the platform says with what keys may begin, others are refused, each at its field; the rest is not."""
    values = {"example.com/team": "a", "app": "payments", "example.org/team": "b", "teams": "c"}
    resource = TenantProxy.model_validate(changed(minimal(), f"spec.podTemplate.{field}", values))
    assert check_resource(resource, Settings()) == []
    errors = check_resource(resource, Settings(pod_metadata_prefixes=("example.com/", "team")))
    assert [(error.field, error.detail.split(",")[0]) for error in errors] == [
        (f"spec.podTemplate.{field}", f"has the key `{key}`") for key in ("app", "example.org/team")
    ]
    assert "use one that begins with `example.com/` or `team`, or remove it" in errors[0].detail
    empty = TenantProxy.model_validate(minimal())
    assert check_resource(empty, Settings(pod_metadata_prefixes=("example.com/",))) == []


def test_tls_needs_https() -> None:
    """An own CA for a plain http OMS is a mistake, whichever of the two was meant."""
    manifest = changed(minimal(), "spec.upstream", {"url": "http://oms.example", "allowInsecure": True, "tls": {}})
    (error,) = check_resource(TenantProxy.model_validate(manifest), Settings())
    assert error == (
        "spec.upstream.tls",
        "does not apply to plain http; make `url` https, or remove `tls`",
    )


@pytest.mark.parametrize(
    ("resources", "works"),
    [
        (None, True),
        ({"requests": {"cpu": "100m"}}, True),
        ({"limits": {"cpu": 1}}, True),
        ({"requests": {"memory": "96Mi"}}, False),
        ({"requests": {"cpu": 0}, "limits": {"cpu": 1}}, False),
        ({}, False),
    ],
)
def test_autoscaling_needs_a_cpu_request(resources: Any, *, works: bool) -> None:
    """Utilization is a share of the request; without one the autoscaler would never do anything."""
    manifest = changed(minimal(), "spec.autoscaling", {"maxReplicas": 3})
    errors = check_resource(TenantProxy.model_validate(changed(manifest, "spec.resources", resources)), Settings())
    detail = "is missing or 0, so `autoscaling` can't work; set it, such as `100m`, or remove `resources`"
    assert errors == ([] if works else [("spec.resources.requests.cpu", detail)])


@pytest.mark.parametrize(
    ("limit", "largest", "enough"),
    [
        ("512Mi", "4Mi", None),
        ("212Mi", "1Mi", None),
        ("211Mi", "1Mi", "212Mi"),
        (128 * 1024 * 1024, "1Mi", "212Mi"),
        ("0.2Gi", "1Mi", "212Mi"),
        ("193Mi", "51Ki", None),
        ("192Mi", "1Ki", "193Mi"),
        ("271Mi", "4Mi", "272Mi"),
        (None, "4Mi", None),
    ],
)
def test_memory_for_the_largest_answer(limit: str | int | None, largest: str, enough: str | None) -> None:
    """A limit that right answers may exceed would have proxies killed; the error has the sum and both ways out."""
    manifest = changed(minimal(), "spec.upstream.maxResponseBytes", largest)
    manifest = changed(manifest, "spec.resources", {"limits": {} if limit is None else {"memory": limit}})
    errors = check_resource(TenantProxy.model_validate(manifest), Settings())
    if enough is None:
        assert errors == []
        return
    ((field, detail),) = errors
    assert field == "spec.resources.limits.memory"
    assert detail.startswith("is less than a proxy may need: 192Mi plus ")
    assert f"`maxResponseBytes`, which is {largest}; set it to at least `{enough}`, or lower" in detail


def test_default_limit_suits_every_answer() -> None:
    """Without `resources`, the rendered limit has room for the largest answer that can be configured."""
    manifest = changed(minimal(), "spec.upstream.maxResponseBytes", "4Mi")
    resource = TenantProxy.model_validate(manifest)
    assert check_resource(resource, Settings()) == []
    container = render_pod_template(params({"spec.upstream.maxResponseBytes": "4Mi"}))["spec"]["containers"][0]
    assert parse_amount(container["resources"]["limits"]["memory"]) >= needed(parse_size("4Mi"))


def test_good_resource() -> None:
    """The smallest manifest has nothing wrong with it."""
    assert check_resource(TenantProxy.model_validate(minimal()), Settings()) == []


_OAUTH2 = {"clientId": "c", "clientSecret": "M4RKED"}


@pytest.mark.parametrize(
    ("data", "field", "detail"),
    [
        ({"username": "u"}, "password", "is missing; set it"),
        ({"username": "u", "password": "M4RKED", "clientId": "c"}, "clientId", "keys of another type"),
        ({"type": "ntlm", "password": "M4RKED"}, "type", "is unknown; use `basic`, `oauth2`,"),
        (_OAUTH2, "authUrl", "is missing or empty"),
        ({**_OAUTH2, "authUrl": "http://idp.example/token"}, "authUrl", "is plain http"),
        ({**_OAUTH2, "authUrl": "https://169.254.169.254/token"}, "authUrl", "metadata"),
    ],
)
def test_bad_secret(data: dict[str, str], field: str, detail: str) -> None:
    """A credential that can't be used is refused by key, and no value is shown."""
    (error,) = check_secret(data, TenantProxy.model_validate(minimal()), Settings())
    assert error.field == field
    assert detail in error.detail
    assert "M4RKED" not in error.detail


@pytest.mark.parametrize(
    "data",
    [{}, {"other": "x"}, {"username": "u", "password": "p"}, {**_OAUTH2, "authUrl": "https://i.example/t?a=b"}],
)
def test_good_secret(data: dict[str, str]) -> None:
    """No credential yet, and each documented kind, are fine; a token URL may have a query."""
    assert check_secret(data, TenantProxy.model_validate(minimal()), Settings()) == []


def test_operators_lists_govern_all_urls() -> None:
    """What the operator allows or denies holds for the OMS and for the tenant's token endpoint."""
    resource = TenantProxy.model_validate(changed(minimal(), "spec.upstream.url", "https://10.1.2.3"))
    data = {**_OAUTH2, "authUrl": "https://169.254.1.1/token"}
    allow = ("10.1.0.0/16", "169.254.1.1/32")
    allowed = Settings(egress=config.Egress(allow=allow))
    assert [*check_resource(resource, allowed), *check_secret(data, resource, allowed)] == []
    denied = Settings(egress=config.Egress(allow=allow, deny=allow))
    errors = [*check_resource(resource, denied), *check_secret(data, resource, denied)]
    assert [error.field for error in errors] == ["spec.upstream.url", "authUrl"]
    assert {error.detail for error in errors} == {"names a host that is on the operator's deny list"}


def test_what_governs_the_token_url() -> None:
    """`allowInsecure` is for both URLs, `allowPrivateNetworks` for the OMS only."""
    manifest = changed(
        changed(minimal(), "spec.upstream.allowInsecure", value=True),
        "spec.upstream.allowPrivateNetworks",
        value=True,
    )
    data = {**_OAUTH2, "authUrl": "http://127.0.0.1:1/token"}
    (error,) = check_secret(data, TenantProxy.model_validate(manifest), Settings())
    assert error == ("authUrl", "names a host that is loopback; `auth.tokenEndpoint.allowNetworks` permits it")
    manifest = changed(manifest, "spec.auth.tokenEndpoint.allowNetworks", ["127.0.0.0/8"])
    assert check_secret(data, TenantProxy.model_validate(manifest), Settings()) == []


@pytest.mark.parametrize(
    ("network", "detail"),
    [
        ("10.1.0.0/33", "10.1.0.0/33"),
        ("10.1.0.1/16", "has host bits set"),
        ("0.0.0.0/0", "is not private, shared or loopback"),
        ("8.8.8.0/24", "is not private, shared or loopback"),
        ("169.254.0.0/16", "--egress-allow only"),
        ("::/0", "is not private, shared or loopback"),
        ("10.0.0.0/7", "is not private, shared or loopback"),
    ],
)
def test_networks_of_the_token_endpoint(network: str, detail: str) -> None:
    """Only what can be permitted there can be written there, so nothing is permitted by a large network."""
    manifest = changed(minimal(), "spec.auth.tokenEndpoint.allowNetworks", ["10.1.0.0/16", network])
    (error,) = check_resource(TenantProxy.model_validate(manifest), Settings())
    assert error.field == "spec.auth.tokenEndpoint.allowNetworks[1]"
    assert detail in error.detail


@pytest.mark.parametrize("wrap", [lambda inner: {"a": inner}, lambda inner: [1, inner]])
@pytest.mark.parametrize("core", ["x", None, {}, []])
def test_depth(wrap: Callable[[Any], Any], core: Any) -> None:
    """A spec may be nested so deeply and no more, however broad it is; 10,000 levels are no problem."""
    value = core
    for _ in range(MOST_NESTED - isinstance(core, dict | list)):
        value = wrap(value)
    assert not is_too_deep(value)
    assert is_too_deep({"b": 1, "c": value})
    for _ in range(10_000):
        value = wrap(value)
    assert is_too_deep(value)


def test_auth_url_through_a_forward_proxy() -> None:
    """A Secret's token endpoint must be one that the platform team has named, if the operator's proxy is used."""
    data = {"clientId": "c", "clientSecret": "s", "authUrl": "https://idp.example/token"}
    everybody = Settings(forward_proxy=ForwardProxy(url="http://squid:3128"))
    resource = TenantProxy.model_validate(minimal())
    assert check_secret(data, resource, Settings()) == []
    (error,) = check_secret(data, resource, everybody)
    assert (error.field, "list it in `auth.tokenEndpoint.allowHosts`" in error.detail) == ("authUrl", True)
    for field, value in (
        ("spec.auth.tokenEndpoint.allowHosts", ["idp.example"]),
        ("spec.upstream.forwardProxy", {"noProxy": ["*"]}),
        ("spec.upstream.forwardProxy", {"url": "http://other:3128", "noProxy": ["idp.example"]}),
    ):
        permitted = TenantProxy.model_validate(changed(minimal(), field, value))
        assert check_secret(data, permitted, everybody) == []


def test_a_forward_proxy_needs_its_url() -> None:
    """Unless there is to be none."""
    with pytest.raises(ValidationError, match="needs `url`; write http://HOST:PORT, or `noProxy: "):
        ForwardProxy(no_proxy=["example.com"])
    assert not ForwardProxy(no_proxy=["*"]).is_used
    assert not ForwardProxy(url="http://squid:3128", no_proxy=["example.com", "*"]).is_used
    assert ForwardProxy(url="http://squid:3128", no_proxy=["example.com"]).is_used
