"""Reading manifests, and saying all that is wrong with them."""

import base64
import re
from pathlib import Path
from typing import Any

import pytest

from support.operator.local import secret, tenant_proxy, write
from support.operator.manifests import changed
from tenantproxy_operator.kube.kinds import Key
from tenantproxy_operator.local.manifests import find_files, load_file
from tenantproxy_operator.settings import Settings

_ACME = "f.yaml (document 1, TenantProxy tenants/acme): "
_SECRET = "f.yaml (document 1, Secret tenants/acme-credentials): "


_MISTAKES = """\
apiVersion: proxy.hiiretail.com/v1alpha1
kind: TenantProxy
metadata:
  name: acme
  namespace: tenants
spec:
  upstream:
    url: !oms https://oms.example
    timeout: 5
  mapping:
    getOrder:
      fields:
        status:
          from: /state
          values: [open]
        customerId:
          from: customer
    getOrder: {}
  sekret: x
---
apiVersion: v1
kind: Secret
metadata: {name: acme-credentials, namespace: tenants}
stringData:
  username: u
  user: 5
---
a: [
"""


def _problems(path: Path) -> list[str]:
    return [str(problem) for problem in load_file(path, Settings()).problems]


def _one(directory: Path, *documents: dict[str, Any]) -> str:
    """Return the only problem, without its line."""
    (problem,) = _problems(write(directory / "f.yaml", *documents))
    place, line, rest = problem.removeprefix(f"{directory}/").partition(":")
    assert re.match(r"\d+ ", rest)
    return place + line.replace(":", " ") + rest.partition(" ")[2]


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
            "f.yaml (document 1): apiVersion: is not accepted; write `apiVersion: proxy.hiiretail.com/v1alpha1`",
        ),
        (
            {key: value for key, value in secret("acme").items() if key != "apiVersion"},
            "f.yaml (document 1): apiVersion: is missing; write `apiVersion: v1`",
        ),
        (
            changed(tenant_proxy("acme"), "kind", "tenantproxy"),
            "f.yaml (document 1): kind: is not accepted; did you mean `TenantProxy`?",
        ),
        ({"metadata": {"name": "x"}}, "f.yaml (document 1): kind: is missing; use kind TenantProxy"),
        (
            changed(tenant_proxy("acme"), "metadata.annotations", {"example.com/x": 5}),
            f"{_ACME}metadata.annotations.example.com/x: must be a string; put it in quotes",
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
            changed(secret("acme"), "data", {"password": "M4RKEDü"}),
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


def test_lines(tmp_path: Path) -> None:
    """Each problem of a file comes with its line, all at once: of the text, of the schema, what is missing."""
    path = tmp_path / "f.yaml"
    path.write_text(_MISTAKES)
    found = [problem.removeprefix(str(path)) for problem in _problems(path)]
    assert [re.sub(r" \(document (\d)[^)]*\): |: .*", r" \1 ", each).strip() for each in found] == [
        ":6 1 spec.tenantId",
        ":8 1 has a tag (`!…`), which is not supported; put the value in quotes",
        ":9 1 spec.upstream.timeout",
        ":15 1 spec.mapping.getOrder.fields.status.values",
        ":17 1 spec.mapping.getOrder.fields.customerId.from",
        ":18 1 has the key `getOrder` twice; remove one",
        ":19 1 spec.sekret",
        ":26 2 stringData.user",
        ":29",
    ]


def test_a_list(tmp_path: Path) -> None:
    """`kubectl get -o yaml` writes several objects as the items of a List."""
    items = [tenant_proxy("acme"), secret("acme"), changed(tenant_proxy("b"), "spec.x", 1)]
    listed = {"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": items}
    loaded = load_file(write(tmp_path / "f.yaml", listed), Settings())
    assert [tenant.origin.key for tenant in loaded.tenants] == [Key("tenants", "acme")]
    assert [each.origin.key for each in loaded.secrets] == [Key("tenants", "acme-credentials")]
    (problem,) = loaded.problems
    assert "(document 1, items[2], TenantProxy tenants/b): spec.x: is unknown" in str(problem)
    assert problem.line > 40


def test_other_kinds_in_a_folder(tmp_path: Path) -> None:
    """They are skipped with a word, but not what is only misspelt, nor in a file that a path names."""
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}}
    misspelt = changed(tenant_proxy("a"), "kind", "TenantProxi")
    path = write(
        tmp_path / "f.yaml", pod, misspelt, changed(tenant_proxy("a"), "apiVersion", "proxy.hiiretail.com/v9")
    )
    loaded = load_file(path, Settings(), in_folder=True)
    assert [str(other).partition(" ")[2] for other in loaded.others] == [
        "(document 1, Pod default/x): kind: is neither TenantProxy nor Secret; skipped"
    ]
    assert [problem.error.field for problem in loaded.problems] == ["kind", "apiVersion"]
    assert len(_problems(path)) == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kind: Kustomization\nresources: [a.yaml]\n", "kind: is neither TenantProxy nor Secret; skipped"),
        ("resources: [a.yaml]\n", "is no object of Kubernetes; skipped"),
        ("- {op: remove, path: /spec/replicas}\n", "is no object of Kubernetes; skipped"),
    ],
)
def test_what_else_a_folder_has(tmp_path: Path, text: str, said: str) -> None:
    """Kustomizations, patches and a chart's values may stand beside manifests; where one is named, it is wrong."""
    path = tmp_path / "f.yaml"
    path.write_text(text)
    loaded = load_file(path, Settings(), in_folder=True)
    (other,) = loaded.others
    assert loaded.problems == ()
    assert str(other).endswith(f"): {said}")
    assert len(_problems(path)) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kind: Pod\napiVersion: v1\nkind: Secret\n", ":3 (document 1): has the key `kind` twice; remove one"),
        ("metadata: {name: x}\nspec: {}\n", ":1 (document 1): kind: is missing; use kind TenantProxy"),
        ("text\n", ":1 (document 1): is not a manifest"),
    ],
)
def test_what_may_be_a_manifest_is_not_skipped(tmp_path: Path, text: str, said: str) -> None:
    """Where that is not clear, the mistake is told, and nothing but it."""
    path = tmp_path / "f.yaml"
    path.write_text(text)
    (problem,) = load_file(path, Settings(), in_folder=True).problems
    assert str(problem).removeprefix(str(path)).startswith(said)


def test_binary_certificate(tmp_path: Path) -> None:
    """A certificate in DER is refused by its key."""
    der = base64.b64encode(b"\x30\x82\xff").decode()
    manifest = changed(secret("acme"), "data", {"ca.crt": der})
    expected = f"{_SECRET}data.ca.crt: is not text in UTF-8 after decoding"
    assert _one(tmp_path, manifest).startswith(expected)
