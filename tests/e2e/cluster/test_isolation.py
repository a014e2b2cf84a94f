"""What a tenant's pods may do: run without privileges, and read their own Secret."""

import json

import pytest

from support.apiserver.server import KubectlError
from support.cluster.cluster import Installation
from support.cluster.restricted_pods import restricted_pod

pytestmark = pytest.mark.usefixtures("changed_sidecar")  # for test_sidecar

READ = """
import json, pathlib, ssl, sys, urllib.error, urllib.request
account = pathlib.Path("/var/run/secrets/kubernetes.io/serviceaccount")
tls = ssl.create_default_context(cafile=str(account / "ca.crt"))
tls.verify_flags &= ~ssl.VERIFY_X509_STRICT
found = {}
for path in sys.argv[1:]:
    headers = {"Authorization": f"Bearer {(account / 'token').read_text()}"}
    request = urllib.request.Request(f"https://kubernetes.default.svc{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, context=tls, timeout=10) as answer:
            found[path] = answer.status
    except urllib.error.HTTPError as error:
        found[path] = error.code
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def tenants(installation: Installation) -> tuple[tuple[str, str], tuple[str, str]]:
    """Run a tenant in each of two namespaces; return each one's namespace and name."""
    here, there = ((namespace, f"tenant-{index}") for index, namespace in enumerate(installation.namespaces))
    for namespace, name in (here, there):
        installation.cluster.apply(
            installation.secret(name, namespace=namespace, username="acme", password="not-a-secret-acme"),
            installation.tenant(name, "http://oms.example", namespace=namespace),
        )
    for namespace, name in (here, there):
        installation.wait(name, namespace=namespace)
    return here, there


def _secret(namespace: str, name: str) -> str:
    return f"/api/v1/namespaces/{namespace}/secrets/{name}"


def test_secrets_of_others(installation: Installation, tenants: tuple[tuple[str, str], tuple[str, str]]) -> None:
    """From inside its pod a tenant's account reads its own Secret, and no other of any namespace."""
    for own, other in (tenants, tenants[::-1]):
        paths = {
            _secret(own[0], f"{own[1]}-credentials"): 200,
            _secret(other[0], f"{other[1]}-credentials"): 403,
            _secret(own[0], "another"): 403,
            _secret(own[0], "").rstrip("/"): 403,
            _secret(installation.system, "").rstrip("/"): 403,
            "/api/v1/secrets": 403,
            f"/api/v1/namespaces/{own[0]}/configmaps": 403,
        }
        pod = installation.pods(own[1], namespace=own[0])[0]["metadata"]["name"]
        command = ("exec", pod, f"-n={own[0]}", "--", "python", "-c", READ, *paths)
        assert json.loads(installation.cluster.kubectl(*command)) == paths


def test_platform_tenant_has_no_token(installation: Installation) -> None:
    """With `management: platform` there is nothing in the pod to reach the API server with."""
    installation.cluster.apply(
        installation.tenant("platform", "http://oms.example", auth={"management": "platform"}, replicas=1)
    )
    installation.wait("platform")
    (pod,) = installation.pods("platform")
    command = ("exec", pod["metadata"]["name"], f"-n={installation.namespace}", "--", "ls", "/var/run/secrets")
    with pytest.raises(KubectlError, match="No such file or directory"):
        installation.cluster.kubectl(*command)


def test_pods_are_restricted(installation: Installation, tenants: tuple[tuple[str, str], tuple[str, str]]) -> None:
    """All that runs does so where Pod Security enforces `restricted`, which refuses what is not."""
    namespace, name = tenants[0]
    pod = installation.pods(name, namespace=namespace)[0]["metadata"]["name"]
    command = ("exec", pod, f"-n={namespace}", "--", "cat", "/proc/1/status")
    status = dict(line.split(":", 1) for line in installation.cluster.kubectl(*command).splitlines())
    assert status["CapEff"].strip() == status["CapPrm"].strip() == "0" * 16
    assert status["NoNewPrivs"].strip() == "1"
    assert "0" not in status["Uid"].split()
    bad = restricted_pod("bad", namespace, installation.cluster.image, "true")
    bad["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
    with pytest.raises(KubectlError, match='violates PodSecurity "restricted'):
        installation.cluster.apply(bad)
