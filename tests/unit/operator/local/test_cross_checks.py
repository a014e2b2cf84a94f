"""What only shows across manifests."""

import re
from pathlib import Path
from typing import Any

import pytest

from support.certificates import Authority
from support.operator.local import secret, tenant_proxy, write
from support.operator.manifests import changed
from tenantproxy_operator.api.upstream import ForwardProxy, SecretRef
from tenantproxy_operator.local.cross_checks import find_contradictions, find_notes, find_rivals
from tenantproxy_operator.local.manifests import load_file
from tenantproxy_operator.settings import Settings

_SETTINGS = Settings()


def _together(
    directory: Path, *files: list[dict[str, Any]], complete: bool = True, settings: Settings = _SETTINGS
) -> list[str]:
    loaded = [
        load_file(write(directory / f"{n}.yaml", *documents), Settings()) for n, documents in enumerate(files)
    ]
    assert [file.problems for file in loaded] == [()] * len(files)
    together = find_contradictions(loaded, settings, complete=complete)
    return [re.sub(r"(\.yaml):\d+ ", r"\1 ", str(problem)).replace(f"{directory}/", "") for problem, _ in together]


def test_duplicates(tmp_path: Path) -> None:
    """Two objects of one kind, namespace and name are a problem of the second, which names the first."""
    elsewhere = changed(tenant_proxy("acme"), "metadata.namespace", "other")
    (problem,) = _together(tmp_path, [tenant_proxy("acme"), elsewhere], [tenant_proxy("acme")])
    assert problem.startswith("1.yaml (document 1, TenantProxy tenants/acme): metadata.name: ")
    assert problem.endswith("is also in 0.yaml (document 1); remove one, or rename it")


def test_referenced_secret_is_checked(tmp_path: Path) -> None:
    """A Secret is checked when a TenantProxy uses it, under that tenant's flags."""
    (problem,) = _together(tmp_path, [tenant_proxy("acme")], [secret("acme", username="u")])
    assert problem.startswith(
        "1.yaml (document 1, Secret tenants/acme-credentials): stringData.password: is missing"
    )
    assert problem.endswith("if there is none (used by TenantProxy tenants/acme as spec.auth.secretRef)")


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
    assert ca.startswith("1.yaml (document 1, Secret tenants/oms-ca): stringData.ca.crt: holds no PEM certificate")
    assert ca.endswith("(used by TenantProxy tenants/acme as spec.upstream.tls.caSecretRef)")
    assert key.startswith(
        "1.yaml (document 2, Secret tenants/client): stringData.tls.key: is missing or empty; set it"
    )
    assert "M4RKED" not in ca


def test_secret_of_a_forward_proxy(tmp_path: Path) -> None:
    """It must be among the manifests, and complete; the operator's, whoever has it, must only be complete."""
    own = {"url": "http://127.0.0.1:3128", "secretRef": {"name": "squid"}}
    tenant = tenant_proxy("acme", upstream={"url": "https://127.0.0.1", "forwardProxy": own})
    field = "spec.upstream.forwardProxy.secretRef"
    (problem,) = _together(tmp_path, [tenant])
    assert problem.startswith(f"0.yaml (document 1, TenantProxy tenants/acme): {field}.name: names Secret ")
    assert problem.endswith("tenants/squid, which no manifest has; add its manifest")
    (problem,) = _together(tmp_path, [tenant, _tls_secret("squid", {"username": "u"})])
    assert problem.endswith(f"password: is missing or empty; set it (used by TenantProxy tenants/acme as {field})")
    assert _together(tmp_path, [tenant, _tls_secret("squid", {"username": "u", "password": "p"})]) == []
    settings = Settings(forward_proxy=ForwardProxy(url="http://squid:3128", secret_ref=SecretRef(name="squid")))
    assert _together(tmp_path, [tenant_proxy("acme")], settings=settings) == []
    incomplete = [tenant_proxy("acme"), _tls_secret("squid", {"password": "p"})]
    (problem,) = _together(tmp_path, incomplete, settings=settings)
    assert problem.endswith(
        "username: is missing or empty; set it (used by TenantProxy tenants/acme as --forward-proxy-secret)"
    )


def test_line_of_a_referenced_secret(tmp_path: Path) -> None:
    """It is the key's in the Secret, wherever that stands."""
    path = write(tmp_path / "f.yaml", _TLS_TENANT, _tls_secret("oms-ca", {"ca.crt": "x"}))
    ((problem, _),) = find_contradictions([load_file(path, _SETTINGS)], _SETTINGS, complete=False)
    assert path.read_text().splitlines()[problem.line - 1].strip() == "ca.crt: x"


def test_a_misspelt_secret(tmp_path: Path) -> None:
    """One that nobody names is told where a TenantProxy misses its own; else it is nobody's business."""
    tls = {"url": "https://127.0.0.1", "tls": {"caSecretRef": {"name": "oms-ca"}}}
    stray, elsewhere = _tls_secret("omsca", {}), changed(secret("x"), "metadata.namespace", "other")
    tenant = tenant_proxy("acme", upstream=tls)
    (problem,) = _together(tmp_path, [tenant, stray, elsewhere])
    assert problem.endswith("add its manifest (no TenantProxy names tenants/omsca: is that meant?)")

    def notes(*documents: dict[str, Any]) -> list[str]:
        return find_notes([load_file(write(tmp_path / "f.yaml", *documents), _SETTINGS)], _SETTINGS)

    (note,) = notes(tenant_proxy("acme"), changed(secret("acme"), "metadata.name", "acme-credential"))
    assert note.endswith(
        ": spec.auth.secretRef: no manifest has Secret tenants/acme-credentials"
        " (no TenantProxy names tenants/acme-credential: is that meant?)"
    )
    misspelt = changed(secret("acme"), "metadata.name", "acme-credential")
    assert notes(tenant_proxy("acme"), stray, misspelt) == [note]
    (several,) = notes(tenant_proxy("acme"), stray, _tls_secret("other", {}))
    assert several.endswith("(no TenantProxy names tenants/omsca, tenants/other: is that meant?)")
    assert notes(tenant_proxy("acme"), secret("acme"), stray) == []
    two = (tenant_proxy("acme"), tenant_proxy("acne"), misspelt)
    assert notes(*two) == [note], "it is meant once"
    assert len(notes(*two, changed(secret("acne"), "metadata.name", "acne-secret"))) == 2
    assert notes(tenant_proxy("acme"), tenant_proxy("globex"), stray) == []
    assert notes(tenant_proxy("acme"), elsewhere) == []


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


_SHARING = tenant_proxy("bravo", auth={"secretRef": {"name": "acme-credentials"}})
_TWIN = tenant_proxy("charly", tenantId="T-acme")


def test_who_wants_the_same(tmp_path: Path) -> None:
    """Each pair is said once, by name; unless the platform refuses it, it is no problem."""
    documents = [[tenant_proxy("acme")], [_SHARING, _TWIN, tenant_proxy("delta")]]
    assert _together(tmp_path, *documents) == []
    loaded = [load_file(tmp_path / name, _SETTINGS) for name in ("0.yaml", "1.yaml")]
    shared, twins = find_rivals(tenant for file in loaded for tenant in file.tenants)
    assert (shared.error.field, twins.error.field) == ("spec.auth.secretRef", "spec.tenantId")
    assert shared.error.detail.startswith(
        "TenantProxies tenants/bravo and tenants/acme are of different tenants and use the same"
    )
    assert twins.error.detail.startswith(
        "TenantProxies tenants/charly and tenants/acme have the same spec.tenantId; delete one"
    )
    lines = (tmp_path / "1.yaml").read_text().splitlines()
    assert ("secretRef" in lines[shared.line - 1], "tenantId" in lines[twins.line - 1]) == (True, True)


@pytest.mark.parametrize(
    ("settings", "document", "said"),
    [
        (Settings(refuse_shared_secrets=True), _SHARING, "Secret acme-credentials"),
        (Settings(refuse_duplicate_tenants=True), _TWIN, "the same spec.tenantId"),
    ],
)
def test_who_is_refused(tmp_path: Path, settings: Settings, document: dict[str, Any], said: str) -> None:
    """Where the platform refuses it, it is a problem of the later one by name, in which both files have a part."""
    name = document["metadata"]["name"]
    (problem,) = _together(tmp_path, [document], [tenant_proxy("acme")], settings=settings)
    assert problem.startswith(
        f"0.yaml (document 1, TenantProxy tenants/{name}): spec: TenantProxies tenants/{name}"
    )
    assert said in problem
    assert "tenants/acme was first" in problem
    files = [tmp_path / "0.yaml", tmp_path / "1.yaml"]
    ((_, involved),) = find_contradictions([load_file(file, settings) for file in files], settings, complete=True)
    assert involved == set(files)
