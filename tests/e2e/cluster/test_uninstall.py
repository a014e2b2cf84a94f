"""No deletion hangs without the operator. By its name this is the last module: others need the operator."""

import pytest

from support.cluster.cluster import CRD, Cluster, Installation, wait_until


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
        "deployments,controllerrevisions,services,configmaps,roles,rolebindings,serviceaccounts,"
        "poddisruptionbudgets,networkpolicies"
    )
    command = ("get", kinds, f"-n={namespace}", "-lapp.kubernetes.io/name=tenantproxy", "-oname")
    wait_until(lambda: not cluster.kubectl(*command), within=60, what=lambda: cluster.kubectl(*command))
