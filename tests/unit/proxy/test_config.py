"""The proxy's configuration file: strict, versioned, the same bytes for the same configuration."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantproxy import config
from tenantproxy.config import ConfigError, ProxyConfig

SMALLEST: dict[str, Any] = {
    "version": 1,
    "tenant": {"id": "T-1", "name": "acme"},
    "upstream": {"url": "https://oms.example/api/v1"},
}
ISSUER: dict[str, Any] = {
    "issuer": "https://auth.example/",
    "audiences": ["https://hiiretail.com"],
    "kind": "ocms",
    "jwksUri": "https://auth.example/jwks.json",
}
FULL: dict[str, Any] = {
    "version": 1,
    "tenant": {"id": "T-1", "name": "acme", "namespace": "tenants"},
    "upstream": {
        "url": "https://oms.example",
        "allowInsecure": True,
        "allowPrivateNetworks": True,
        "timeoutSeconds": 2.5,
        "retries": 0,
        "maxConnections": 7,
        "maxResponseBytes": 1024,
        "operations": {
            "getOrder": {"path": "/o/{customerOrderId}", "idMatch": "off"},
            "searchOrders": {"path": "/o"},
        },
        "tls": {"ca": True, "clientCertificate": True},
    },
    "mapping": {
        "getOrder": {
            "root": "/data",
            "fields": {
                "status": {"from": "/state", "values": {"open": "CREATED"}, "default": "IN_PROGRESS"},
                "customerId": {"const": "unknown"},
                "isLocked": {"const": None},
                "items": {"each": "/lines", "fields": {"itemId": {"from": "/sku"}}},
            },
        },
        "searchOrders": {"root": "", "fields": {}},
    },
    "auth": {"management": "platform"},
    "access": {
        "mode": "trusted",
        "admins": {"emails": ["a@b.example"], "groups": ["g"], "roles": ["r"]},
        "issuers": [ISSUER],
    },
    "egress": {"allow": ["10.1.0.0/16"], "deny": ["10.1.2.0/24"]},
}


def decoded(document: Any) -> ProxyConfig:
    return config.decode(json.dumps(document).encode(), source="config.json")


def with_value(path: str, value: Any) -> dict[str, Any]:
    """Return the full configuration with another value at a dotted path; `...` removes it."""
    result: dict[str, Any] = json.loads(json.dumps(FULL))
    *above, last = path.split(".")
    place: Any = result
    for step in above:
        place = place[int(step)] if isinstance(place, list) else place[step]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return result


def test_smallest() -> None:
    """Version, tenant and URL are enough; all else has the documented defaults."""
    smallest = decoded(SMALLEST)
    upstream = smallest.upstream
    assert (upstream.timeout_seconds, upstream.retries, upstream.max_connections) == (5.0, 1, 100)
    assert upstream.max_response_bytes == 1024 * 1024
    assert (upstream.allow_insecure, upstream.allow_private_networks) == (False, False)
    assert upstream.operations.get_order.path == (
        "/business-units/{businessUnitId}/customer-orders/{customerOrderId}"
    )
    assert upstream.operations.search_orders.path == "/business-units/{businessUnitId}/customer-orders:search"
    assert (smallest.auth.management, smallest.access.mode) == ("tenant", "jwt")
    assert smallest.access.admins == config.Admins()
    assert smallest.access.issuers == ()
    assert smallest.mapping == config.Mapping()


def test_full() -> None:
    """Every field of the file reaches the program."""
    full = decoded(FULL)
    assert full.upstream.tls == config.Tls(ca=True, client_certificate=True)
    assert full.mapping.get_order.fields["status"].values == {"open": "CREATED"}
    assert full.mapping.search_orders.root == ""
    assert full.access.issuers[0].jwks_uri == ISSUER["jwksUri"]
    assert full.egress.deny == ("10.1.2.0/24",)


def test_null_is_a_constant() -> None:
    """A constant of null is told from no constant."""
    fields = decoded(FULL).mapping.get_order.fields
    assert fields["isLocked"].const is None
    assert fields["status"].const is msgspec.UNSET


@pytest.mark.parametrize("document", [SMALLEST, FULL], ids=["smallest", "full"])
def test_round_trip(document: dict[str, Any]) -> None:
    """What is written is read back as the same, and written again as the same bytes."""
    once = decoded(document)
    written = config.encode(once)
    again = config.decode(written, source="x")
    assert again == once
    assert config.encode(again) == written
    assert written.endswith(b"}\n")


def test_order_does_not_matter() -> None:
    """The bytes don't depend on the order in which fields and rules were given."""

    def turned(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: turned(value[key]) for key in reversed(value)}
        return value

    assert config.encode(decoded(turned(FULL))) == config.encode(decoded(FULL))


_pointers = st.none() | st.text(max_size=5)
_values = st.none() | st.booleans() | st.integers(-1000, 1000) | st.text(max_size=5)
_rules = st.recursive(
    st.builds(
        config.Rule,
        from_=_pointers,
        const=st.just(msgspec.UNSET) | _values,
        values=st.none() | st.dictionaries(st.text(max_size=3), _values, max_size=3),
        default=st.just(msgspec.UNSET) | _values,
    ),
    lambda inner: st.builds(
        config.Rule, each=_pointers, fields=st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(rules=st.dictionaries(st.text(max_size=5), _rules, max_size=4))
def test_any_rules_survive_the_file(rules: dict[str, config.Rule]) -> None:
    """Rules mean the same to the proxy as to the operator that wrote them."""
    mapping = config.Mapping(get_order=config.OperationMapping(fields=rules))
    written = config.encode(msgspec.structs.replace(decoded(SMALLEST), mapping=mapping))
    assert config.decode(written, source="x").mapping == mapping


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "unknown field": ({**FULL, "extra": 1}, "extra"),
    "unknown field inside": (with_value("upstream.timeout", 5), "timeout"),
    "unknown field of a rule": (with_value("mapping.getOrder.fields.status.sign", 2), "sign"),
    "snake case": (with_value("upstream.allow_insecure", value=True), "allow_insecure"),
    "no version": (with_value("version", ...), "version"),
    "version as text": (with_value("version", "1"), "$.version"),
    "no tenant": (with_value("tenant", ...), "tenant"),
    "no tenant id": (with_value("tenant.id", ...), "id"),
    "tenant id is a number": (with_value("tenant.id", 5), "$.tenant.id"),
    "no URL": (with_value("upstream.url", ...), "url"),
    "URL is null": (with_value("upstream.url", None), "$.upstream.url"),
    "flag as text": (with_value("upstream.allowInsecure", "true"), "$.upstream.allowInsecure"),
    "flag as a number": (with_value("upstream.allowPrivateNetworks", 1), "$.upstream.allowPrivateNetworks"),
    "timeout as text": (with_value("upstream.timeoutSeconds", "5s"), "$.upstream.timeoutSeconds"),
    "retries as a fraction": (with_value("upstream.retries", 1.5), "$.upstream.retries"),
    "no timeout": (with_value("upstream.timeoutSeconds", 0), "$.upstream.timeoutSeconds"),
    "negative retries": (with_value("upstream.retries", -1), "$.upstream.retries"),
    "no connections": (with_value("upstream.maxConnections", 0), "$.upstream.maxConnections"),
    "too many bytes": (
        with_value("upstream.maxResponseBytes", 4 * 1024 * 1024 + 1),
        "$.upstream.maxResponseBytes",
    ),
    "no bytes": (with_value("upstream.maxResponseBytes", 0), "$.upstream.maxResponseBytes"),
    "unknown management": (with_value("auth.management", "nobody"), "$.auth.management"),
    "unknown mode": (with_value("access.mode", "open"), "$.access.mode"),
    "unknown kind of issuer": (with_value("access.issuers.0.kind", "shopper"), "$.access.issuers[0].kind"),
    "issuer without audiences": (with_value("access.issuers.0.audiences", ...), "$.access.issuers[0]"),
    "issuer without keys": (with_value("access.issuers.0.jwksUri", ...), "$.access.issuers[0]"),
    "issuer with keys of two places": (
        with_value("access.issuers.0.jwksFile", "/keys.json"),
        "$.access.issuers[0]",
    ),
    "issuer with keys beside a place": (with_value("access.issuers.0.jwks", {"keys": []}), "$.access.issuers[0]"),
    "emails as one text": (with_value("access.admins.emails", "a@b.example"), "$.access.admins.emails"),
    "rule is text": (with_value("mapping.getOrder.fields.status", "/state"), "$.mapping.getOrder.fields"),
}


@pytest.mark.parametrize(("document", "field"), WRONG.values(), ids=WRONG)
def test_wrong_field(document: dict[str, Any], field: str) -> None:
    """A field that is unknown, missing or of another type is refused; the message names file and field."""
    with pytest.raises(ConfigError) as caught:
        decoded(document)
    message = str(caught.value)
    assert message.startswith("config.json: ")
    assert field in message


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"null", b"[]", b"\xff", b"\xef\xbb\xbf{}", b'{"version": NaN}', b"[" * 100_000],
    ids=["empty", "cut off", "null", "list", "not UTF-8", "BOM", "NaN", "deep"],
)
def test_not_a_configuration(data: bytes) -> None:
    """What is no JSON object is refused with the file's name."""
    with pytest.raises(ConfigError, match=r"^config\.json: ."):
        config.decode(data, source="config.json")


@pytest.mark.parametrize(
    "document",
    [{**SMALLEST, "version": 2}, {**SMALLEST, "version": 0}, {"version": 2, "shape": "of tomorrow"}],
    ids=["next", "zero", "next, with fields of its own"],
)
def test_other_version(document: dict[str, Any]) -> None:
    """A file of another format version is refused as that, whatever else has changed in it."""
    with pytest.raises(ConfigError, match=rf"^config\.json: `version` is {document['version']}; .* version 1$"):
        decoded(document)


def test_load(tmp_path: Path) -> None:
    """A file is read as it was written."""
    path = tmp_path / "config.json"
    path.write_bytes(config.encode(decoded(FULL)))
    assert config.load(path) == decoded(FULL)


@pytest.mark.parametrize("name", ["missing.json", "."], ids=["missing", "folder"])
def test_unreadable_file(tmp_path: Path, name: str) -> None:
    """A file that can't be read is named, with the system's reason."""
    with pytest.raises(ConfigError) as caught:
        config.load(tmp_path / name)
    assert str(caught.value).startswith(f"{tmp_path / name}: ")
    assert not str(caught.value).endswith("None")


def test_nothing_can_be_changed_later() -> None:
    """A configuration is immutable: what was checked stays what is used."""
    frozen = decoded(SMALLEST)
    with pytest.raises(AttributeError):
        frozen.upstream.url = "https://evil.example"  # type: ignore[misc]
