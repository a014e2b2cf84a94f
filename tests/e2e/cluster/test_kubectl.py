"""What kubectl shows of a tenant."""

from support.cluster.cluster import Installation, wait_until


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
    assert columns[:6] == ["NAME", "TENANT", "URL", "READY", "REASON", "CREDENTIALS"]


def test_describe_of_pods_that_do_not_start(installation: Installation) -> None:
    """A tenant whose pods don't start leads to them."""
    installation.cluster.apply(
        installation.tenant("stuck", "https://oms.example", podTemplate={"nodeSelector": {"no": "such"}})
    )
    installation.wait("stuck", "Available=False")
    said = describe(installation, "stuck")
    assert f"kubectl describe pods -n {installation.namespace}" in said
