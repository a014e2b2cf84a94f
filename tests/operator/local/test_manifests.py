"""Reading manifests, and saying all that is wrong with them."""

import base64
from pathlib import Path
from typing import Any

import pytest

from support.certificates import Authority
from support.operator_local import secret, tenant_proxy, write
from support.operator_manifests import changed
from tenantproxy_operator.local.manifests import Key, check_together, find_files, load_file
from tenantproxy_operator.settings import Settings

_ACME = "f.yaml (document 1, TenantProxy tenants/acme): "
_SECRET = "f.yaml (document 1, Secret tenants/acme-credentials): "


def _problems(path: Path) -> list[str]:
    return [str(problem) for problem in load_file(path, Settings()).problems]


def _one(directory: Path, *documents: dict[str, Any]) -> str:
    (problem,) = _problems(write(directory / "f.yaml", *documents))
    return problem.removeprefix(f"{directory}/")


def test_finds_files(tmp_path: Path) -> None:
    """A directory means its own manifest files, sorted; nothing hidden, nothing deeper; each file once."""
    for name in ("b.yml", "a.yaml", "c.json", "d.txt", ".hidden.yaml", "sub/e.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = find_files([tmp_path / "c.json", tmp_path, tmp_path / "d.txt"])
    assert [path.name for path in found.files] == ["c.json", "a.yaml", "b.yml", "d.txt"]
    assert (found.missing, found.problems) == ([], [])


def test_missing_path(tmp_path: Path) -> None:
    """A path that does not exist is a problem."""
    (problem,) = find_files([tmp_path / "x.yaml"]).missing
    assert str(problem) == f"{tmp_path}/x.yaml: does not exist; correct the path"


def test_loads_both_kinds(tmp_path: Path) -> None:
    """A file may hold TenantProxies and Secrets; data is decoded and stringData wins over it."""
    encoded = {
        "username": base64.b64encode(b"u").decode(),
        "password": "",
        "other": base64.b64encode(b"\xff").decode(),
    }
    mixed = secret("acme", password="p") | {"data": encoded}
    loaded = load_file(write(tmp_path / "f.yaml", tenant_proxy("acme"), mixed), Settings())
    assert loaded.problems == ()
    assert [tenant.origin.key for tenant in loaded.tenants] == [Key("tenants", "acme")]
    assert [each.data for each in loaded.secrets] == [{"username": "u", "password": "p"}]
    assert "'p'" not in repr(loaded)


def test_live_object_is_accepted(tmp_path: Path) -> None:
    """What `kubectl get -o yaml` shows, with status and server-set metadata, can be used as it is."""
    live = changed(tenant_proxy("acme"), "status", {"replicas": 2})
    live = changed(live, "metadata.managedFields", [])
    assert _problems(write(tmp_path / "f.yaml", live)) == []


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("text", "f.yaml (document 1): is not a manifest; write apiVersion, kind"),
        ([1], "f.yaml (document 1): is not a manifest"),
        ({"kind": "Pod", "apiVersion": "v1"}, "f.yaml (document 1): kind: is not accepted; use kind TenantProxy"),
        ({"kind": ["x"]}, "f.yaml (document 1): kind: is not accepted"),
        (
            changed(tenant_proxy("acme"), "apiVersion", "proxy.hiiretail.com/v1"),
            "f.yaml (document 1): apiVersion: is not accepted; use kind TenantProxy (apiVersion proxy",
        ),
        (
            changed(tenant_proxy("acme"), "spec.upstrem", {}),
            f"{_ACME}spec.upstrem: is unknown; did you mean `upstream`?",
        ),
        (
            tenant_proxy("acme", url="http://10.0.0.1", upstream={"allowPrivateNetworks": False}),
            f"{_ACME}spec.upstream.url: names a host that is private",
        ),
        (
            tenant_proxy("acme", upstream={"allowInsecure": False}),
            f"{_ACME}spec.upstream.url: is plain http; use https",
        ),
        (
            changed(tenant_proxy("acme"), "metadata.namspace", "x"),
            f"{_ACME}metadata.namspace: is unknown; remove it",
        ),
        (
            changed(tenant_proxy("acme"), "metadata", "x"),
            "f.yaml (document 1, TenantProxy): metadata: must be an object",
        ),
        (
            changed(secret("acme"), "stringData.password", 12345),
            f"{_SECRET}stringData.password: must be a string; put it in",
        ),
        (
            changed(secret("acme"), "data", {"password": "M4RKED!"}),
            f"{_SECRET}data.password: is not base64; encode it, or",
        ),
        (
            changed(secret("acme"), "data", {"password": base64.b64encode(b"\xff").decode()}),
            f"{_SECRET}data.password: is not text in UTF-8",
        ),
        (
            changed(secret("acme"), "stringData", {"../../escaped": "x"}),
            f"{_SECRET}stringData.../../escaped: is not a Secret's key",
        ),
        (
            changed(secret("acme"), "stringdata", {}),
            f"{_SECRET}stringdata: is unknown; did you mean `stringData`?",
        ),
    ],
)
def test_bad_document(tmp_path: Path, document: Any, expected: str) -> None:
    """Each problem names file, document, object, field, problem and fix, and no secret value."""
    problem = _one(tmp_path, document)
    assert problem.startswith(expected)
    assert "M4RKED" not in problem


def test_all_problems_of_a_file(tmp_path: Path) -> None:
    """One bad document does not hide another one."""
    path = write(tmp_path / "f.yaml", {"kind": "Pod"}, secret("x"), changed(tenant_proxy("a"), "spec.x", 1))
    assert len(_problems(path)) == 2


def _together(directory: Path, *files: list[dict[str, Any]], complete: bool = True) -> list[str]:
    loaded = [
        load_file(write(directory / f"{n}.yaml", *documents), Settings()) for n, documents in enumerate(files)
    ]
    assert [file.problems for file in loaded] == [()] * len(files)
    together = check_together(loaded, Settings(), complete=complete)
    return [str(problem).replace(f"{directory}/", "") for problem, _ in together]


def test_duplicates(tmp_path: Path) -> None:
    """Two objects of one kind, namespace and name are a problem of the second, which names the first."""
    elsewhere = changed(tenant_proxy("acme"), "metadata.namespace", "other")
    (problem,) = _together(tmp_path, [tenant_proxy("acme"), elsewhere], [tenant_proxy("acme")])
    assert problem.startswith("1.yaml (document 1, TenantProxy tenants/acme): metadata.name: ")
    assert problem.endswith("is also in 0.yaml (document 1); remove one, or rename it")


def test_referenced_secret_is_checked(tmp_path: Path) -> None:
    """A Secret is checked when a TenantProxy uses it, under that tenant's flags."""
    (problem,) = _together(tmp_path, [tenant_proxy("acme")], [secret("acme", username="u")])
    assert problem.startswith("1.yaml (document 1, Secret tenants/acme-credentials): password: is missing")
    assert problem.endswith("set it (used by TenantProxy tenants/acme as spec.auth.secretRef)")


_TLS = {"caSecretRef": {"name": "oms-ca"}, "clientCertificateSecretRef": {"name": "client"}}
_TLS_TENANT = tenant_proxy("acme", upstream={"url": "https://127.0.0.1", "tls": _TLS})
_AUTHORITY = Authority()
_PAIR = _AUTHORITY.issue("client")


def _tls_secret(name: str, data: dict[str, str]) -> dict[str, Any]:
    return changed(secret("acme", **data), "metadata.name", name)


def test_missing_tls_secrets(tmp_path: Path) -> None:
    """Without them a proxy can't start, which is a problem of the TenantProxy; unless they may be elsewhere."""
    problems = _together(tmp_path, [_TLS_TENANT])
    assert problems == [
        f"0.yaml (document 1, TenantProxy tenants/acme): spec.upstream.tls.{field}.name: names Secret "
        f"tenants/{name}, which no manifest has; add its manifest"
        for field, name in (("caSecretRef", "oms-ca"), ("clientCertificateSecretRef", "client"))
    ]
    assert _together(tmp_path, [_TLS_TENANT], complete=False) == []


@pytest.mark.parametrize("complete", [True, False])
def test_bad_tls_secrets(tmp_path: Path, complete: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """What can't be used is said by file, document, Secret and key, without a byte of it."""
    bad = [_tls_secret("oms-ca", {"ca.crt": "M4RKED"}), _tls_secret("client", {"tls.crt": _PAIR.certificate})]
    ca, key = _together(tmp_path, [_TLS_TENANT], bad, complete=complete)
    assert ca.startswith("1.yaml (document 1, Secret tenants/oms-ca): ca.crt: holds no certificate in PEM")
    assert ca.endswith("(used by TenantProxy tenants/acme as spec.upstream.tls.caSecretRef)")
    assert key.startswith("1.yaml (document 2, Secret tenants/client): tls.key: is missing or empty; set it")
    assert "M4RKED" not in ca


def test_binary_certificate(tmp_path: Path) -> None:
    """A certificate in DER is refused by its key."""
    der = base64.b64encode(b"\x30\x82\xff").decode()
    manifest = changed(_tls_secret("oms-ca", {"x": "y"}), "data", {"ca.crt": der})
    expected = "f.yaml (document 1, Secret tenants/oms-ca): data.ca.crt: is not text in UTF-8 after decoding"
    assert _one(tmp_path, manifest).startswith(expected)


@pytest.mark.parametrize(
    "documents",
    [
        [
            _TLS_TENANT,
            _tls_secret("oms-ca", {"ca.crt": _AUTHORITY.pem}),
            _tls_secret("client", _PAIR.tls_keys) | {"type": "kubernetes.io/tls"},
        ],
        [tenant_proxy("acme")],
        [secret("acme", username="u")],
        [tenant_proxy("acme"), secret("acme", note="nothing of ours")],
        [tenant_proxy("acme", auth={"secretRef": {"name": "mine"}}), secret("acme", username="u")],
    ],
)
def test_no_problem(tmp_path: Path, documents: list[dict[str, Any]]) -> None:
    """A missing Secret, an empty one, one that nobody uses, and those of TLS are fine."""
    assert _together(tmp_path, documents) == []
