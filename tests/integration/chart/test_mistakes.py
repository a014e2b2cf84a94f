"""Where a mistake in a TenantProxy is told: by schema or admission policy at `kubectl apply`, or in the status."""

import asyncio
import json
import re
from collections.abc import Iterator
from typing import Any, Final

import pytest
from pydantic import ValidationError

from support.apiserver.client import MERGE_PATCH
from support.apiserver.server import ApiServer
from support.operator.manifests import changed, minimal
from support.operator.mappings import EVERY_WORD
from support.operator.mistakes import MISTAKES, URL, Mistake
from support.tools.helm import ROOT, Helm
from support.waiting import eventually, until
from tenantproxy import config
from tenantproxy_operator.api.crd import build_crd
from tenantproxy_operator.api.resource import TenantProxy
from tenantproxy_operator.kube.client import TENANT_PROXY
from tenantproxy_operator.manifests.problems import field_errors
from tenantproxy_operator.settings import Settings
from tenantproxy_operator.validation.optional_kinds import find_unavailable
from tenantproxy_operator.validation.resource import check_resource

NAMESPACE: Final = "mistakes"
RESTRICTED: Final = "mistakes-in-hosts"
OTHER: Final = "anything"
CRD: Final = "tenantproxies.proxy.hiiretail.com"
POLICY: Final = "tenantproxy-system-tenantproxy-operator"
VALUES: Final[dict[str, Any]] = {
    "watch": {"namespaces": [NAMESPACE, RESTRICTED]},
    "admissionPolicies": {
        "allowedHosts": {RESTRICTED: ["oms.example", "*.acme.example", "10.3.0.1", "10.77.0.1", "169.254.7.1"]},
        "tenantIds": {"T-mine": f"{NAMESPACE}/mine"},
    },
    "proxies": {
        "egress": {"allow": ["10.77.0.0/16", "169.254.7.0/24"], "deny": ["10.66.0.0/16"]},
        "podMetadataPrefixes": ["example.com/", "team"],
    },
}
SETTINGS: Final = Settings(
    egress=config.Egress(allow=("10.77.0.0/16", "169.254.7.0/24"), deny=("10.66.0.0/16",)),
    pod_metadata_prefixes=("example.com/", "team"),
)
ONLY_THE_POLICY: Final = ("that `allowedHosts`", "that `tenantIds`")
"""What the operator knows nothing of."""
_SCHEMA: Final = ("apply", "--server-side", "--force-conflicts", "-f", "-")
PAGE: Final = (ROOT / "docs/mistakes.md").read_text()


class Applied:
    """What a real API server says to a TenantProxy, under a policy that can be replaced."""

    def __init__(self, server: ApiServer, helm: Helm) -> None:
        self.server = server
        self._helm = helm
        self._probe = 0

    def use(self, values: dict[str, Any]) -> None:
        """Have the policy that these values render; wait until it is in force."""
        self._probe += 1
        probe = f"{OTHER}/probe-{self._probe}"
        known = changed(values, "admissionPolicies.tenantIds.T-probe", probe)
        rendered = self._helm.template("--show-only", "templates/admission-policy.yaml", values=known)
        self.server.kubectl("apply", "--server-side", "-f", "-", stdin=rendered)
        until(lambda: probe in self(changed(minimal(), "spec.tenantId", "T-probe"))[1])

    def __call__(self, manifest: dict[str, Any], namespace: str = NAMESPACE) -> tuple[int, str]:
        """Apply it, without an effect; return kubectl's exit status, and all that it said."""
        status, said, warned = self.server.try_kubectl(
            *("create", "--dry-run=server", "-n", namespace, "-f", "-"), stdin=json.dumps(manifest)
        )
        return status, said + warned


@pytest.fixture(scope="module")
def apply(api_server: ApiServer, helm: Helm) -> Iterator[Applied]:
    """Return what applies, with the CRD and the policy in place."""
    api_server.install_crd(ROOT / "crds/tenantproxies.yaml", CRD)
    for namespace in (NAMESPACE, RESTRICTED, OTHER):
        api_server.kubectl("create", "namespace", namespace)
    applied = Applied(api_server, helm)
    applied.use(VALUES)
    yield applied
    for kind in ("validatingadmissionpolicybinding", "validatingadmissionpolicy"):
        api_server.kubectl("delete", kind, POLICY)
    api_server.kubectl("delete", "crd", CRD)


def by_the_operator(manifest: dict[str, Any]) -> str:
    """Return what the operator says of it."""
    try:
        resource = TenantProxy.model_validate(manifest)
    except ValidationError as error:
        return "; ".join(map(str, field_errors(error, TenantProxy)))
    unavailable = find_unavailable(resource, frozenset())
    return "; ".join(
        map(str, [*check_resource(resource, SETTINGS), *([unavailable.message] if unavailable else [])])
    )


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: f"{mistake.path}: {mistake.what}")
def test_where_it_is_told(apply: Applied, mistake: Mistake) -> None:
    """By the first of schema, policy and status that can; the operator refuses it, too, if it knows it."""
    status, said = apply(mistake.manifest, RESTRICTED if "`allowedHosts`" in mistake.what else NAMESPACE)
    if mistake.told == "status":
        assert (status, said) == (0, "tenantproxy.proxy.hiiretail.com/t created (server dry run)\n")
        assert mistake.words in by_the_operator(mistake.manifest)
        return
    by_policy = f"ValidatingAdmissionPolicy '{POLICY}' with binding '{POLICY}' denied request: "
    assert status == 1
    assert (by_policy in said) == (mistake.told == "policy")
    assert mistake.words in said
    if mistake.told == "policy":
        assert said.partition(by_policy)[2].startswith("spec."), "names the field"
    if not any(each in mistake.what for each in ONLY_THE_POLICY):
        assert by_the_operator(mistake.manifest) != ""


def test_page() -> None:
    """docs/mistakes.md has each of them, and no other."""
    rows = re.findall(r"^\| (.+) \| `([\w.]+)` \| (\w+) \|$", PAGE, re.MULTILINE)
    assert rows == [(mistake.what, mistake.path, mistake.told) for mistake in MISTAKES]


GOOD: Final = (
    (URL, "https://OMS.example:8443/a%20b/c.d/...;e=f"),
    (URL, "https://a-b.acme.example"),
    (URL, "https://10.77.0.1"),
    (URL, "https://169.254.7.1"),
    ("spec.upstream", {"url": "https://10.3.0.1", "allowPrivateNetworks": True}),
    ("spec.upstream.forwardProxy", {"url": "http://SQUID.acme.example:3128", "noProxy": ["oms.example"]}),
    ("spec.upstream.forwardProxy", {"noProxy": ["*"]}),
    ("spec.auth.tokenEndpoint.allowHosts", ["oms.example:8443", "idp.acme.example"]),
    (
        "spec.auth.tokenEndpoint.allowNetworks",
        ["10.0.0.0/8", "172.16.0.0/12", "192.168.7.0/24", "100.64.0.0/10", "127.0.0.1/32", "::1/128", "fc00::/7"],
    ),
    ("spec.upstream.operations.getOrder.path", "/o/{businessUnitId}/{customerOrderId}:x"),
    ("spec.upstream.operations.getOrder.path", "/Orders('{customerOrderId|doubled}')"),
    ("spec.upstream.operations.getOrder.idMatch", False),  # what `off` without quotes is in YAML 1.1
    ("spec.upstream.operations.getOrder", {"ids": ["{customerOrderId}", "#{customerOrderId|upper}/A"]}),
    (
        "spec.upstream.operations.getOrder",
        {"path": "/x", "query": {"f[0][v]": "id eq '{customerOrderId|doubled}'"}},
    ),
    (
        "spec.upstream.operations.searchOrders",
        {"path": "/x", "body": {"json": {"a": [{"{{b}}": "{criteria.customerId}", "c": None}]}}},
    ),
    (
        "spec.upstream.operations.searchOrders",
        {"path": "/{criteria.customerId}/{criteria.a}", "criteria": {"a": {}}},
    ),
    ("spec.podTemplate", {"labels": {"example.com/a": "b", "team": "c"}, "annotations": {}}),
    ("spec.resources", {"requests": {"cpu": "0.1"}, "limits": {"memory": "0.3Gi"}}),
    (
        "spec.mapping.getOrder",
        {
            "root": "/a" * 16,
            "fields": {
                "status": {"from": "/s", "values": {"a": "b"}, "default": "c"},
                "isLocked": {"const": None},
                "minimumDownPaymentAmount": {"const": 1.5},
                "invoicePaymentInstructions": {"from": "/i", "fields": {"additionalInformation": {"const": []}}},
                "items": {
                    "each": "/l",
                    "fields": {
                        "quantityOrdered": {"default": 1},
                        "discounts": {"each": "/d", "fields": {"rewardType": {"values": {}, "default": "x"}}},
                    },
                },
            },
        },
    ),
    ("spec.mapping.searchOrders.fields", {"status": {"values": {"1": "a"}}}),
    ("spec.mapping", EVERY_WORD),
)


@pytest.mark.parametrize(("path", "value"), GOOD, ids=[f"{path}-{index}" for index, (path, _) in enumerate(GOOD)])
def test_what_is_right(apply: Applied, path: str, value: Any) -> None:
    """Neither refuses what the operator takes."""
    manifest = changed(minimal(), path, value)
    assert by_the_operator(manifest) == ""
    assert apply(manifest, RESTRICTED) == (0, "tenantproxy.proxy.hiiretail.com/t created (server dry run)\n")


def test_who_may_have_an_id(apply: Applied) -> None:
    """The one that is told."""
    manifest = changed(changed(minimal(), "spec.tenantId", "T-mine"), "metadata.name", "mine")
    assert apply(manifest)[0] == 0


def test_other_namespaces(apply: Applied) -> None:
    """The policy is for those that this operator watches."""
    manifest = changed(minimal(), URL, "https://10.66.0.1")
    assert apply(manifest, NAMESPACE)[0] == 1
    assert apply(manifest, OTHER)[0] == 0


def test_what_was_there_before(apply: Applied) -> None:
    """A spec that a new policy forbids stays, and its labels can be changed; a change of the spec is refused."""
    server = apply.server
    manifest = changed(minimal(), "metadata.name", "before")
    server.kubectl("create", "-n", NAMESPACE, "-f", "-", stdin=json.dumps(manifest))
    apply.use(changed(VALUES, "admissionPolicies", {"allowedHosts": {"*": ["*.acme.example"]}}))
    try:
        server.kubectl("label", "-n", NAMESPACE, "tenantproxy/before", "a=b")
        change = json.dumps({"spec": {"upstream": {"retries": 2}}})
        patch = ("patch", "-n", NAMESPACE, "tenantproxy/before", "--type=merge", "-p", change)
        status, _, said = server.try_kubectl(*patch)
        assert status == 1
        assert "does not permit in this namespace; use one of *.acme.example" in said
    finally:
        server.kubectl("delete", "-n", NAMESPACE, "tenantproxy/before")
        apply.use(VALUES)


def _without_rules(schema: Any) -> Any:
    """Return a definition as it was before its rules."""
    if isinstance(schema, list):
        return [_without_rules(each) for each in schema]
    if isinstance(schema, dict):
        kept = {key: value for key, value in schema.items() if key != "x-kubernetes-validations"}
        return {key: _without_rules(value) for key, value in kept.items()}
    return schema


async def test_what_was_there_before_the_schema(apply: Applied) -> None:
    """A spec that newer rules refuse keeps its status: the operator can go on to say what is wrong."""
    server, crd, path = apply.server, build_crd(), TENANT_PROXY.path(OTHER)
    probe = changed(minimal(), URL, "https://10.1")
    server.kubectl(*_SCHEMA, stdin=json.dumps(_without_rules(crd)))
    until(lambda: apply(probe, OTHER)[0] == 0)
    mistakes = [each.manifest for each in MISTAKES if each.told == "schema" and each.path != "metadata.name"]
    earlier = [changed(each, "metadata.name", f"earlier-{index}") for index, each in enumerate(mistakes)]
    async with server.client() as api:
        made = await asyncio.gather(*(api.request("POST", path, each) for each in earlier))
        # Some have always been refused.
        names = [answer["metadata"]["name"] for status, answer in made if status == 201]
        assert len(names) > 15
        server.kubectl(*_SCHEMA, stdin=json.dumps(crd))
        until(lambda: apply(probe, OTHER)[0] == 1)
        for part, change in (("", {"metadata": {"labels": {"a": "b"}}}), ("/status", {"status": {"replicas": 2}})):
            answers = await asyncio.gather(
                *(api.request("PATCH", f"{path}/{name}{part}", change, content_type=MERGE_PATCH) for name in names)
            )
            assert [answer for status, answer in answers if status != 200] == []


async def test_types(apply: Applied) -> None:
    """Kubernetes' own check of the expressions against the CRD finds nothing."""
    policy: dict[str, Any] = {}

    def checked() -> bool:
        policy.update(json.loads(apply.server.kubectl("get", f"validatingadmissionpolicy/{POLICY}", "-ojson")))
        return bool(policy["status"].get("observedGeneration") == policy["metadata"]["generation"])

    async with apply.server.controllers("validatingadmissionpolicy-status-controller"):
        await eventually(checked)
    assert policy["status"]["typeChecking"] == {}
