"""How a real API server validates the CustomResourceDefinition's objects."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.apiserver.client import MERGE_PATCH, ApiClient
from support.apiserver.server import ApiServer, KubectlError
from support.operator.manifests import changed, minimal
from support.operator.mappings import EVERY_WORD
from tenantproxy.orders.mapping import compile_mapping
from tenantproxy_operator.api.crd import build_crd
from tenantproxy_operator.api.resource import TenantProxy
from tenantproxy_operator.render.config import render_config
from tenantproxy_operator.settings import Settings

EXAMPLES = Path(__file__).parents[3] / "examples"
SYSTEMS = EXAMPLES / "systems"
CRD = "tenantproxies.proxy.hiiretail.com"
UPSTREAM = "spec.upstream"
UNSEEN = {"observedGeneration": -1}


def path(namespace: str, name: str = "") -> str:
    return f"/apis/proxy.hiiretail.com/v1alpha1/namespaces/{namespace}/tenantproxies" + (name and f"/{name}")


async def create(api: ApiClient, namespace: str, manifest: dict[str, Any]) -> tuple[int, Any]:
    """Create a TenantProxy as kubectl does, which has unknown fields refused."""
    body = changed(manifest, "metadata.namespace", namespace)
    return await api.request("POST", f"{path(namespace)}?fieldValidation=Strict", body)


async def test_crd_is_established(api: ApiClient) -> None:
    """The API server serves it and has nothing to say against its schema."""
    _, crd = await api.request("GET", f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{CRD}")
    conditions = {condition["type"]: condition["status"] for condition in crd["status"]["conditions"]}
    assert conditions["Established"] == "True"
    assert conditions.get("NonStructuralSchema", "False") == "False"


async def test_crd_is_small(api: ApiClient) -> None:
    """There is room in etcd for it, and for a `kubectl apply` that notes it whole in an annotation."""
    _, crd = await api.request("GET", f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{CRD}")
    assert len(json.dumps(crd)) < 1024 * 1024, "etcd takes 1.5 MiB"
    assert len(json.dumps(build_crd())) < 160 * 1024, "an annotation takes 256 KiB"


async def test_every_word_of_a_mapping(api: ApiClient, namespace: str) -> None:
    """Each is kept as it was written, null too, and nothing is added."""
    manifest = changed(minimal(), "spec.mapping", EVERY_WORD)
    status, stored = await create(api, namespace, manifest)
    assert status == 201, stored
    assert stored["spec"]["mapping"] == EVERY_WORD
    resource = TenantProxy.model_validate(stored | {"status": None})
    compile_mapping(render_config(resource, Settings()).mapping)


async def test_defaults_are_filled_in(api: ApiClient, namespace: str) -> None:
    """What a minimal manifest leaves out is to be read in the stored object."""
    status, stored = await create(api, namespace, minimal())
    assert status == 201, stored
    upstream = stored["spec"]["upstream"]
    assert (upstream["timeout"], upstream["retries"], upstream["maxResponseBytes"]) == ("5s", 1, "1Mi")
    assert upstream["allowInsecure"] is upstream["allowPrivateNetworks"] is False
    assert (
        upstream["operations"]["searchOrders"]["path"] == "/business-units/{businessUnitId}/customer-orders:search"
    )
    assert stored["spec"]["auth"]["management"] == "tenant"
    assert stored["spec"]["access"]["mode"] == "jwt"


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("metadata.name", "1acme", "metadata.name must start with a lower-case letter"),
        ("metadata.name", "a" * 51, "have at most 50 characters"),
        ("spec.tenantId", "a b", "spec.tenantId in body should match"),
        (
            f"{UPSTREAM}.url",
            "http://oms.example",
            "spec.upstream.url: Invalid value: is plain http; use https, or set",
        ),
        (f"{UPSTREAM}.url", "ftp://oms.example", "spec.upstream.url in body should match"),
        (
            f"{UPSTREAM}.url",
            "https://u:p@oms.example",
            "spec.upstream.url: Invalid value: has user-info; put credentials into the Secret",
        ),
        (
            UPSTREAM,
            {"url": "http://oms.example", "allowInsecure": True, "tls": {}},
            "spec.upstream.tls: Invalid value: does not apply to plain http",
        ),
        (
            f"{UPSTREAM}.forwardProxy",
            {"url": "http://u:M4RKED@squid:3128"},
            "spec.upstream.forwardProxy.url: Invalid value: has user-info; put credentials into the Secret that",
        ),
        (
            f"{UPSTREAM}.forwardProxy",
            {"url": "http://squid:3128/x"},
            "spec.upstream.forwardProxy.url: Invalid value: has a path, a query or a fragment; write",
        ),
        (
            f"{UPSTREAM}.forwardProxy",
            {"noProxy": ["example.com"]},
            "spec.upstream.forwardProxy.url: Invalid value: is missing; write http://HOST:PORT, or noProxy: ['*']",
        ),
        (f"{UPSTREAM}.forwardProxy", {"url": "squid:3128"}, "spec.upstream.forwardProxy.url in body should match"),
        (
            f"{UPSTREAM}.forwardProxy",
            {"url": "http://squid:3128", "noProxy": ["http://x"]},
            "spec.upstream.forwardProxy.noProxy[0] in body should match",
        ),
        (f"{UPSTREAM}.timeout", "6m", "is out of bounds; use at least 100ms and at most 5m"),
        (f"{UPSTREAM}.timeout", "5", "spec.upstream.timeout in body should match"),
        (f"{UPSTREAM}.retries", 4, "should be less than or equal to 3"),
        (f"{UPSTREAM}.retries", "1", 'spec.upstream.retries in body must be of type integer: "string"'),
        (f"{UPSTREAM}.maxResponseBytes", "5Mi", "is out of bounds; use at least 1Ki and at most 4Mi"),
        (UPSTREAM, {}, "spec.upstream.url: Required value"),
        ("spec.access", {"mode": "none"}, 'supported values: "jwt", "trusted"'),
        (
            "spec.access",
            {"admins": {"emails": ["a@b", "a@b"]}},
            'spec.access.admins.emails[1]: Duplicate value: "a@b"',
        ),
        ("spec.auth", {"management": "nobody"}, 'supported values: "tenant", "platform"'),
        ("spec.mapping", {"getOrder": {"root": "data"}}, "spec.mapping.getOrder.root in body should match"),
        (
            "spec.mapping",
            {"getOrder": {"fields": {"status": {"const": 1, "from": "/s"}}}},
            '"spec.mapping.getOrder.fields.status" must not validate the schema (not)',
        ),
        (
            "spec.mapping",
            {"getOrder": {"fields": {"items": {"each": "/l"}}}},
            "spec.mapping.getOrder.fields[items].each: Invalid value: needs fields; add it",
        ),
        (
            "spec.mapping",
            {"getOrder": {"fields": {"items": {"each": "/l", "from": "/l", "fields": {}}}}},
            "has each together with from; keep one",
        ),
    ],
)
async def test_bad_spec_is_refused(api: ApiClient, namespace: str, field: str, value: Any, expected: str) -> None:
    """Schema and CEL rules refuse it with a message that names the field or the fix."""
    status, answer = await create(api, namespace, changed(minimal(), field, value))
    assert status == 422, answer
    assert expected in answer["message"]
    assert "M4RKED" not in answer["message"]


async def test_forward_proxies(api: ApiClient, namespace: str) -> None:
    """Each form of a destination is accepted, and so is a TenantProxy that is to use none."""
    domains = ["example.com", ".example.org", "*.example.net:8443"]
    destinations = [*domains, "10.0.0.0/8", "10.1.2.3:443", "fd00::1", "[fd00::1]:443"]
    for name, given in (
        ("acme", {"url": "https://squid:3128/", "noProxy": destinations, "secretRef": {"name": "squid"}}),
        ("none", {"noProxy": ["*"]}),
    ):
        manifest = changed(changed(minimal(), "metadata.name", name), f"{UPSTREAM}.forwardProxy", given)
        status, stored = await create(api, namespace, manifest)
        assert status == 201, stored
        assert stored["spec"]["upstream"]["forwardProxy"] == given


@pytest.mark.parametrize(
    ("field", "value", "unknown"),
    [
        ("spec.tenant", "x", "spec.tenant"),
        (f"{UPSTREAM}.retry", 1, "spec.upstream.retry"),
        (
            "spec.mapping",
            {"getOrder": {"fields": {"items": {"each": "/l", "fields": {"id": {"form": "/i"}}}}}},
            "spec.mapping.getOrder.fields.items.fields.id.form",
        ),
    ],
)
async def test_unknown_field_is_refused(
    api: ApiClient, namespace: str, field: str, value: Any, unknown: str
) -> None:
    """Strict validation, kubectl's default, finds a typo at each depth."""
    status, answer = await create(api, namespace, changed(minimal(), field, value))
    assert status == 400
    assert f'unknown field "{unknown}"' in answer["message"]


async def test_what_no_operator_has_seen(api: ApiClient, namespace: str) -> None:
    """It says so from the first answer on, so that nobody takes it for done."""
    status, stored = await create(api, namespace, minimal())
    assert (status, stored["status"]) == (201, UNSEEN)
    _, found = await api.request("GET", path(namespace, stored["metadata"]["name"]))
    assert found["status"] == UNSEEN


async def test_tenant_id_is_immutable(api: ApiClient, namespace: str) -> None:
    """The rest of the spec may change."""
    _, stored = await create(api, namespace, minimal())
    one = path(namespace, stored["metadata"]["name"])
    change: dict[str, Any] = {"spec": {"tenantId": "another"}}
    status, answer = await api.request("PATCH", one, change, content_type=MERGE_PATCH)
    assert status == 422
    assert "is immutable; another tenant needs a TenantProxy of its own" in answer["message"]
    change = {"spec": {"upstream": {"url": "https://new.example"}}}
    status, answer = await api.request("PATCH", one, change, content_type=MERGE_PATCH)
    assert status == 200, answer


async def test_spec_and_status_are_written_apart(api: ApiClient, namespace: str) -> None:
    """Only the subresource changes the status, and it changes nothing else; generation counts specs."""
    _, stored = await create(api, namespace, minimal())
    one = path(namespace, stored["metadata"]["name"])
    change = {"spec": {"upstream": {"retries": 3}}, "status": {"replicas": 2}}
    _, changed_spec = await api.request("PATCH", one, change, content_type=MERGE_PATCH)
    assert (changed_spec["spec"]["upstream"]["retries"], changed_spec["status"]) == (3, UNSEEN)
    assert changed_spec["metadata"]["generation"] == 2
    change = {"spec": {"upstream": {"retries": 0}}, "status": {"replicas": 2}}
    _, changed_status = await api.request("PATCH", f"{one}/status", change, content_type=MERGE_PATCH)
    assert changed_status["spec"]["upstream"]["retries"] == 3
    assert changed_status["status"] == UNSEEN | {"replicas": 2}
    assert changed_status["metadata"]["generation"] == 2


async def test_kubectl_get_prints_the_columns(api_server: ApiServer, api: ApiClient, namespace: str) -> None:
    """`kubectl get tp` shows whose it is, where it leads and whether it works."""
    _, stored = await create(api, namespace, minimal())
    name, spec = stored["metadata"]["name"], stored["spec"]
    condition = {"reason": "Test", "message": "why", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    status = {
        "replicas": 2,
        "conditions": [
            {"type": kind, "status": value, "observedGeneration": 1, **condition}
            for kind, value in (("Ready", "False"), ("CredentialsReady", "Unknown"))
        ],
    }
    columns = [*("NAME", "TENANT", "URL", "READY", "REASON", "CREDENTIALS", "AGE")]
    assert api_server.kubectl("get", "tp", "-n", namespace).splitlines()[0].split() == columns
    await api.request("PATCH", f"{path(namespace, name)}/status", {"status": status}, content_type=MERGE_PATCH)
    wide = api_server.kubectl("get", "tp", "-n", namespace, "-o", "wide").splitlines()
    head, row = (line.split() for line in wide)
    shown = dict(zip(head, row, strict=True))
    assert shown.pop("AGE")
    assert shown == {
        "NAME": name,
        "TENANT": spec["tenantId"],
        "URL": spec["upstream"]["url"],
        "READY": "False",
        "REASON": "Test",
        "CREDENTIALS": "Unknown",
        "REPLICAS": "2",
        "MESSAGE": "why",
    }


@pytest.mark.parametrize(
    ("field", "lines"),
    [
        ("tp", ["One tenant's read-only proxy to its own order management system."]),
        (
            f"tp.{UPSTREAM}",
            [
                "The tenant's order management system (OMS).",
                "url <string> -required- Base URL of the OMS, such as https://oms.example.com/api/v1.",
                "timeout <string> How long one exchange with the OMS may take, retries included",
            ],
        ),
        (
            "tp.spec.mapping.getOrder.fields.fields.fields",
            ["from <string> Where the OMS has the value: an RFC 6901 pointer"],
        ),
        (
            "tp.spec.access",
            ["enum: jwt, trusted", "admins <Object> Which users may set the credential. Nobody by default."],
        ),
        ("tp.status.conditions", ["reason <string> -required- Why, in one CamelCase word."]),
    ],
)
def test_kubectl_explain_reads_well(api_server: ApiServer, field: str, lines: list[str]) -> None:
    """Each field has its type and a sentence for a person."""
    text = " ".join(api_server.kubectl("explain", field).split())
    for line in lines:
        assert line in text


def test_kubectl_explain_shows_the_tree(api_server: ApiServer) -> None:
    """With --recursive, the whole of a part is seen at once."""
    out = api_server.kubectl("explain", f"tp.{UPSTREAM}", "--recursive")
    tree = [line.split("\t")[0] for line in out.partition("FIELDS:\n")[2].splitlines()]
    start = tree.index("  operations")
    assert tree[start : start + 5] == [
        "  operations",
        "    getOrder",
        "      body",
        "        form",
        "        json",
    ]
    assert "      enum: GET, POST" in tree


def examples() -> dict[str, str]:
    """Return the texts of the example manifests by the TenantProxy's name; local mode's issuers are none."""
    files = sorted({*EXAMPLES.rglob("*.yaml")} - {*SYSTEMS.rglob("*.yaml")})
    texts = {file.stem: file.read_text() for file in files}
    return {name: text for name, text in texts.items() if "kind: TenantProxy" in text}


@pytest.mark.parametrize(("name", "text"), examples().items(), ids=examples())
async def test_example_is_accepted(
    api_server: ApiServer, api: ApiClient, namespace: str, name: str, text: str
) -> None:
    """`kubectl apply` takes each example as it is, but for the namespace, without a warning."""
    documents = [changed(document, "metadata.namespace", namespace) for document in yaml.safe_load_all(text)]
    status, out, err = api_server.try_kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(documents))
    assert (status, err) == (0, "")
    assert out.count(" created\n") == len(documents)
    _, stored = await api.request("GET", path(namespace))
    assert [item["metadata"]["name"] for item in stored["items"]] == [name]


async def test_manifests_of_order_systems_are_accepted(
    api_server: ApiServer, api: ApiClient, namespace: str
) -> None:
    """`kubectl apply` takes all of them, too, without a warning."""
    files = sorted(SYSTEMS.glob("*/manifest.yaml"))
    documents = [
        changed(document, "metadata.namespace", namespace)
        for file in files
        for document in yaml.safe_load_all(file.read_text())
    ]
    text = "\n---\n".join(json.dumps(document) for document in documents)  # to kubectl, a bare Y is `true`
    status, out, err = api_server.try_kubectl("apply", "-f", "-", stdin=text)
    assert (status, err) == (0, "")
    assert out.count(" created\n") == len(documents)
    _, stored = await api.request("GET", path(namespace))
    assert [item["metadata"]["name"] for item in stored["items"]] == [file.parent.name for file in files]


def test_kubectl_apply_refuses_a_typo(api_server: ApiServer, namespace: str) -> None:
    """The person who applies a manifest is told the field."""
    manifest = changed(minimal(), "metadata.namespace", namespace)
    with pytest.raises(KubectlError, match=r'unknown field "spec\.upstream\.retry"'):
        api_server.kubectl("apply", "-f", "-", stdin=json.dumps(changed(manifest, f"{UPSTREAM}.retry", 1)))
