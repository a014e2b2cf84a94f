"""What survives a restart: each part of the digest alone; and whatever differs is seen."""

import dataclasses
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.apiserver.objects import document, partial
from tenantproxy import config
from tenantproxy_operator.api.served_schema import own_schema
from tenantproxy_operator.api.upstream import ForwardProxy, SecretRef
from tenantproxy_operator.cache.children import Child, ChildName, child_of
from tenantproxy_operator.cache.secrets import SecretVersion
from tenantproxy_operator.cache.tenants import Tenant, tenant_from
from tenantproxy_operator.controller.applied_state import AppliedState, common_digest, inputs_digest
from tenantproxy_operator.kube.kinds import Key
from tenantproxy_operator.settings import Settings

SECRET = Key("tenants", "acme-credentials")
OTHER = Key("tenants", "acme-ca")
NAMES = st.tuples(st.sampled_from(["configmaps", "secrets", "services"]), st.sampled_from(["a", "b", "a-b"]))
CHILDREN = st.dictionaries(NAMES, st.binary(min_size=1, max_size=3), max_size=4)
STATES = st.dictionaries(
    st.builds(Key, st.sampled_from(["n", "m"]), st.sampled_from(["s", "t"])),
    st.none() | st.builds(SecretVersion, st.sampled_from(["u", "v"]), st.integers(1, 9)),
    min_size=1,  # a TenantProxy always refers to one
    max_size=3,
)
INPUTS = st.sampled_from(["", "0123456789abcdef", "fedcba9876543210"])


def child(digest: bytes, **changes: Any) -> Child:
    fields: dict[str, Any] = {
        "uid": "u",
        "version": 1,
        "owner_uid": "o",
        "owned_fields_digest": digest,
        "manifest_hash": "m",
        "owner_is_tenant_proxy": True,
        "applied_by_us": True,
        "owns_replicas": False,
        "labelled": True,
        "adoptable": False,
    }
    return Child(**fields | changes)


def as_children(ours: dict[ChildName, bytes]) -> dict[ChildName, Child]:
    return {name: child(digest) for name, digest in ours.items()}


@given(CHILDREN, STATES)
def test_a_restart_before_all_was_done(
    ours: dict[ChildName, bytes], secrets: dict[Key, SecretVersion | None]
) -> None:
    """All is looked at again, and it is known that the spec has not changed; of a new spec nothing is known."""
    state = AppliedState(inputs="0123.4567", children=ours, secrets=secrets, revision="r", change="c")
    restored = AppliedState.restore(state.unfinished_digest(), as_children(ours), secrets)
    assert restored.has_spec("0123.89ab", "")
    assert (restored.revision, restored.change) == ("r", "c")
    assert not restored.matches("0123.4567", as_children(ours), secrets)
    assert restored.children is None
    assert restored.secrets == {}
    assert AppliedState(inputs="", children=ours, secrets=secrets).unfinished_digest() is None


@given(INPUTS, CHILDREN, STATES)
def test_a_restart_without_a_change(
    inputs: str, ours: dict[ChildName, bytes], secrets: dict[Key, SecretVersion | None]
) -> None:
    """A digest brings back all that it was made of."""
    state = AppliedState(inputs=inputs, children=ours, secrets=secrets)
    restored = AppliedState.restore(state.digest(), as_children(ours), secrets)
    assert restored == state
    assert restored.matches(inputs, as_children(ours), secrets)


@given(INPUTS, CHILDREN, CHILDREN, STATES, STATES)
def test_each_part_survives_alone(
    inputs: str,
    ours: dict[ChildName, bytes],
    ours_now: dict[ChildName, bytes],
    secrets: dict[Key, SecretVersion | None],
    secrets_now: dict[Key, SecretVersion | None],
) -> None:
    """What has changed meanwhile takes nothing else along."""
    digest = AppliedState(inputs=inputs, children=ours, secrets=secrets).digest()
    restored = AppliedState.restore(digest, as_children(ours_now), secrets_now)
    assert restored.inputs == inputs
    assert restored.children == (ours if ours_now == ours else None)
    assert restored.secrets == (secrets if secrets_now == secrets else {})
    same = (ours_now, secrets_now) == (ours, secrets)
    assert restored.matches(inputs, as_children(ours_now), secrets_now) == same


@given(INPUTS, INPUTS, CHILDREN, CHILDREN, STATES, STATES)
def test_whatever_differs_is_seen(
    inputs: str,
    inputs_now: str,
    ours: dict[ChildName, bytes],
    ours_now: dict[ChildName, bytes],
    secrets: dict[Key, SecretVersion | None],
    secrets_now: dict[Key, SecretVersion | None],
) -> None:
    """A state matches what it was made of, and nothing else; neither does its digest."""
    state = AppliedState(inputs=inputs, children=ours, secrets=secrets)
    now = AppliedState(inputs=inputs_now, children=ours_now, secrets=secrets_now)
    assert state.matches(inputs_now, as_children(ours_now), secrets_now) == (state == now)
    assert (state.digest() == now.digest()) == (state == now)


@pytest.mark.parametrize("digest", [None, "", "x", "a-b", "a-b-c-d", "--", "ä-ö-ü"])
def test_digests_that_nobody_made(digest: str | None) -> None:
    """What a status holds by mistake vouches for nothing that is there."""
    children = as_children({("configmaps", "a"): b"1"})
    restored = AppliedState.restore(digest, children, {SECRET: None})
    assert not restored.matches("x", children, {SECRET: None})
    assert restored.children is None


def test_all_children_gone_while_the_operator_was_down() -> None:
    """Nothing is left that could differ; what is not known does not match that."""
    digest = AppliedState(inputs="i", children={("configmaps", "a"): b"1"}, secrets={SECRET: None}).digest()
    assert not AppliedState.restore(digest, {}, {SECRET: None}).matches("i", {}, {SECRET: None})


def test_what_is_compared_of_a_child() -> None:
    """What we own of it; not its version, which whoever writes a label of his own moves."""
    state = AppliedState(inputs="i", children={("configmaps", "a"): b"1"})
    assert state.matches("i", {("configmaps", "a"): child(b"1", version=9)}, {})
    assert not state.matches("i", {("configmaps", "a"): child(b"2")}, {})
    assert not state.matches("i", {}, {})
    assert not state.matches("i", as_children({("configmaps", "a"): b"1", ("services", "a"): b"1"}), {})


def test_a_secret_that_moves() -> None:
    """Another version, another Secret of the name, none any more: all are news."""
    state = AppliedState(inputs="i", children={}, secrets={SECRET: SecretVersion("u", 1), OTHER: None})
    assert state.matches("i", {}, {OTHER: None, SECRET: SecretVersion("u", 1)})
    for version in (SecretVersion("u", 2), SecretVersion("v", 1), None):
        assert not state.matches("i", {}, {SECRET: version, OTHER: None})
    assert not state.matches("i", {}, {SECRET: SecretVersion("u", 1), OTHER: SecretVersion("w", 1)})
    assert not state.matches("i", {}, {SECRET: SecretVersion("u", 1)})


def test_the_digest_fits_into_the_status() -> None:
    """Its field has at most 128 characters."""
    children = {
        ("configmaps", f"c{index}"): child_of(partial(f"c{index}").metadata, "acme").owned_fields_digest
        for index in range(20)
    }
    state = AppliedState(
        inputs=inputs_digest(tenant(), common_digest(Settings(), frozenset(), own_schema())), children=children
    )
    assert len(state.digest()) <= 128


def tenant(**changes: Any) -> Tenant:
    body = document("acme", 7) | {"spec": {"tenantId": "T-1"}, "status": {"replicas": 1}} | changes
    return tenant_from(body)


def test_inputs() -> None:
    """A tenant's spec, which one it is, and what all share; not its version, its status, or the order of keys."""
    digest = inputs_digest(tenant(), "common")
    assert inputs_digest(tenant(status={}), "common") == digest
    assert inputs_digest(tenant(metadata=document("acme", 8)["metadata"]), "common") == digest
    spec = {"a": {"b": 1, "c": 2}, "d": 3}
    assert inputs_digest(tenant(spec=spec), "x") == inputs_digest(
        tenant(spec={"d": 3, "a": {"c": 2, "b": 1}}), "x"
    )
    others = [
        inputs_digest(tenant(), "other"),
        inputs_digest(tenant(spec={"tenantId": "T-2"}), "common"),
        inputs_digest(tenant(metadata=document("acme", 7, uid="another")["metadata"]), "common"),
    ]
    assert len({digest, *others}) == 4


CHANGES: dict[str, Any] = {
    "issuers": (),
    "issuers_file": Path("other.yaml"),
    "egress": config.Egress(allow=("10.1.0.0/16",)),
    "forward_proxy": ForwardProxy(url="http://squid:3128"),
    "tracing": config.Tracing(endpoint="http://collector:4318"),
    "proxy_image": "registry.example/tenantproxy:2",
    "image_pull_secrets": ("pull",),
    "dns_ports": (53,),
    "refuse_shared_secrets": True,
    "refuse_duplicate_tenants": True,
    "api_server_cidrs": ("10.0.0.1/32",),
    "metrics_from": ({"podSelector": {}},),
    "pod_metadata_prefixes": ("example.com/",),
    "optional_kinds": frozenset({"PodMonitor"}),
}


def test_every_setting_counts() -> None:
    """No setting can change without a look at all tenants."""
    assert CHANGES.keys() == {field.name for field in dataclasses.fields(Settings)}
    settings = [Settings(), *(dataclasses.replace(Settings(), **{name: value}) for name, value in CHANGES.items())]
    settings.append(dataclasses.replace(Settings(), egress=config.Egress(deny=("10.1.0.0/16",))))
    settings.append(dataclasses.replace(Settings(), optional_kinds=frozenset({"HTTPRoute"})))
    secret = ForwardProxy(url="http://squid:3128", secret_ref=SecretRef(name="squid"))
    settings.append(dataclasses.replace(Settings(), forward_proxy=secret))
    assert len({common_digest(each, frozenset(), own_schema()) for each in settings}) == len(settings)


def test_optional_kinds_count() -> None:
    """What can be written counts, in whatever order it was found."""
    none, one, both = (
        common_digest(Settings(), frozenset(names), own_schema())
        for names in ((), ("PodMonitor",), ("PodMonitor", "HTTPRoute"))
    )
    assert len({none, one, both}) == 3
    assert common_digest(Settings(), frozenset(("HTTPRoute", "PodMonitor")), own_schema()) == both


def test_fields_that_are_ignored_count() -> None:
    """All tenants are looked at again where the schema gets others; one that the schema lacks is no such field."""
    own = own_schema()
    newer = msgspec.structs.replace(own, spec={"properties": own.spec["properties"] | {"later": {"default": 1}}})
    changed = msgspec.structs.replace(own, spec={"properties": own.spec["properties"] | {"later": {"default": 2}}})
    older = msgspec.structs.replace(own, spec={"properties": {"tenantId": {}}})
    digests = [common_digest(Settings(), frozenset(), schema) for schema in (own, older, newer, changed)]
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


def test_an_optional_kind_that_was_switched_off() -> None:
    """Its objects are not looked at any more; of the others it is still known that they are as they were."""
    required, optional = ("services", "acme-proxy"), ("podmonitors", "acme-proxy")
    digest = AppliedState(inputs="i", children={required: b"1", optional: b"2"}).digest()
    assert AppliedState.restore(digest, as_children({required: b"1"}), {}).children == {required: b"1"}
    assert AppliedState.restore(digest, as_children({required: b"1", optional: b"3"}), {}).children == {
        required: b"1"
    }
    assert AppliedState.restore(digest, as_children({required: b"3", optional: b"2"}), {}).children is None


def test_whose_change_it_is() -> None:
    """A change by the tenant's users is told from one of what all tenants share, such as the schema's defaults."""
    tenant = _tenant({"a": 1}, generation=1)
    before = inputs_digest(tenant, "common")
    state = AppliedState(inputs=before, change=tenant.change_hash)

    def has_spec(now: Tenant, common: str = "common", state: AppliedState = state) -> bool:
        return state.has_spec(inputs_digest(now, common), now.change_hash)

    assert has_spec(tenant, "other")
    by_schema = _tenant({"a": 1, "b": 2}, generation=1)
    assert has_spec(by_schema)
    assert inputs_digest(by_schema, "common") != before
    suspended = _tenant({"a": 1, "suspend": True}, generation=2)
    assert has_spec(suspended)
    assert inputs_digest(suspended, "common") != before
    assert not has_spec(_tenant({"a": 2}, generation=2))
    assert not has_spec(tenant, state=AppliedState())


def _tenant(spec: dict[str, Any], *, generation: int) -> Tenant:
    body = document("acme")
    return tenant_from({**body, "metadata": body["metadata"] | {"generation": generation}, "spec": spec})
