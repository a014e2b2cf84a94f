"""What kubectl shows of a tenant, and that no deletion hangs without the operator."""

import pytest

from support.cluster.cluster import CRD, Cluster, Installation, wait_until


def describe(installation: Installation, name: str) -> str:
    return installation.cluster.kubectl("describe", f"tp/{name}", f"-n={installation.namespace}")


def test_describe_says_what_to_do(installation: Installation) -> None:
    """A tenant that waits for something says for what, in its conditions and its Events."""
    cluster = installation.cluster
    tls = {"caSecretRef": {"name": "acme-ca"}}
    tenant = installation.tenant("acme", "https://oms.example")
    tenant["spec"]["upstream"] |= {"tls": tls}
    cluster.apply(tenant)
    installation.wait("acme", "Accepted=False")
    said = describe(installation, "acme")
    assert "TLSSecretMissing" in said
    assert "acme-ca" in said
    installation.wait("acme", "CredentialsReady=False")
    del tenant["spec"]["upstream"]["tls"]
    cluster.apply(tenant)
    installation.wait("acme")
    wait_until(lambda: "PUT /api/v1/proxy-config" in describe(installation, "acme"))
    said = describe(installation, "acme")
    assert "Endpoint:" in said
    assert "Warning" in said
    columns = cluster.kubectl("get", "tp", "acme", f"-n={installation.namespace}").split()
    assert columns[:6] == ["NAME", "TENANT", "URL", "READY", "CREDENTIALS", "REPLICAS"]


def test_describe_of_pods_that_do_not_start(installation: Installation) -> None:
    """A tenant whose pods don't start leads to them."""
    installation.cluster.apply(
        installation.tenant("stuck", "https://oms.example", podTemplate={"nodeSelector": {"no": "such"}})
    )
    installation.wait("stuck", "Available=False")
    said = describe(installation, "stuck")
    assert f"kubectl describe pods -n {installation.namespace}" in said


@pytest.fixture(scope="module")
def without_operator(cluster: Cluster, installation: Installation) -> Installation:
    """Run a tenant in each namespace, then take the operator away."""
    for namespace in installation.namespaces:
        cluster.apply(installation.tenant("left", "https://oms.example", namespace=namespace))
    for namespace in installation.namespaces:
        installation.wait("left", namespace=namespace)
    installation.uninstall()
    return installation


def test_namespace_without_operator(without_operator: Installation) -> None:
    """A namespace with tenants in it can be deleted, and goes."""
    cluster = without_operator.cluster
    cluster.kubectl("delete", "namespace", without_operator.namespaces[1], "--timeout=120s")


def test_definition_without_operator(without_operator: Installation) -> None:
    """The definition can be deleted, and goes with all tenants and what belongs to them."""
    cluster, namespace = without_operator.cluster, without_operator.namespace
    cluster.kubectl("delete", f"crd/{CRD}", "--timeout=60s")
    kinds = (
        "deployments,services,configmaps,roles,rolebindings,serviceaccounts,poddisruptionbudgets,networkpolicies"
    )
    command = ("get", kinds, f"-n={namespace}", "-lapp.kubernetes.io/name=tenantproxy", "-oname")
    wait_until(lambda: not cluster.kubectl(*command), within=60, what=lambda: cluster.kubectl(*command))
