"""A bundle for a ticket: no secrets, and bounded."""

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from tenantproxy_operator.doctor import bundle
from tenantproxy_operator.doctor.bundle import MASK, BundleTooLargeError, cleaned, files, masked, pack, write
from tenantproxy_operator.doctor.view import Process, TenantView, View
from tenantproxy_operator.fleet.objects import Metadata, TenantProxy

SECRET = "M4RKED-S3CRET"
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {SECRET}=",
        "Authorization: Basic dXNlcjpNNFJLRUQ=",
        f"token {JWT}",
        f"https://user:{SECRET}@oms.example/api",
        f'{{"password": "{SECRET}"}}',
        f"client_secret={SECRET}&scope=x",
        f'"clientSecret":"{SECRET}"',
        f"-----BEGIN RSA PRIVATE KEY-----\n{SECRET}\n-----END RSA PRIVATE KEY-----",
        f"-----BEGIN PRIVATE KEY-----\n{SECRET}",
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str) -> None:
    """In whatever somebody has logged or written."""
    shown = masked(text)
    assert MASK in shown
    for part in (SECRET, JWT, "dXNlcjpNNFJLRUQ="):
        assert part not in shown


@pytest.mark.parametrize(
    "text",
    [
        "with Basic authentication, or a Bearer token",
        '{"secretName": "acme-credentials", "secretRef": {"name": "x"}}',
        "https://oms.example/api/v1",
        'tenantproxy_token_fetch_total{tenant="acme",outcome="invalid_client"} 3.0',
    ],
)
def test_what_is_none_stays(text: str) -> None:
    """A ticket is to be read."""
    assert masked(text) == text


def test_values_in_objects_are_masked() -> None:
    """Those of environment variables and of fixed headers, wherever they are."""
    pod = {
        "metadata": {
            "managedFields": [{}],
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": SECRET, "a": "b"},
        },
        "spec": {"containers": [{"env": [{"name": "TOKEN", "value": SECRET}, {"name": "B", "valueFrom": {}}]}]},
    }
    assert cleaned(pod) == {
        "metadata": {"annotations": {"a": "b"}},
        "spec": {"containers": [{"env": [{"name": "TOKEN", "value": MASK}, {"name": "B", "valueFrom": {}}]}]},
    }
    assert cleaned({"headers": {"X-Key": SECRET}}) == {"headers": {"X-Key": MASK}}


def view(log: str = "") -> View:
    proxy = TenantProxy(metadata=Metadata(name="acme", namespace="tenants"))
    process = Process(name="acme-proxy-1", metrics=b"up 1\n", log=log)
    objects = {"tenantproxy": {"kind": "TenantProxy"}, "pods": [{"kind": "Pod"}]}
    return View(now=0.0, tenants=(TenantView(proxy=proxy, processes=(process,), objects=objects),))


NAMES = {
    *("doctor.txt", "doctor.json", "tenants/tenants/acme/tenantproxy.yaml", "tenants/tenants/acme/pods.yaml"),
    *("tenants/tenants/acme/metrics/acme-proxy-1.txt", "tenants/tenants/acme/logs/acme-proxy-1.log"),
}


def test_archives() -> None:
    """Of either kind, with the same files."""
    contents = list(files(view(f"password={SECRET}"), "all", {"findings": []}))
    packed = pack("a.zip", contents)
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert set(archive.namelist()) == NAMES
        assert archive.read("doctor.txt") == b"all"
        assert SECRET.encode() not in b"".join(map(archive.read, archive.namelist()))
    with tarfile.open(fileobj=io.BytesIO(pack("a.tar.gz", contents))) as tar:
        assert set(tar.getnames()) == NAMES


def test_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a long log the end is kept; too much of all is refused."""
    monkeypatch.setattr(bundle, "LONGEST_FILE", 100)
    log = dict(files(view("x" * 200 + "the end"), "", {}))["tenants/tenants/acme/logs/acme-proxy-1.log"]
    assert len(log) == 100
    assert log.endswith("the end")
    monkeypatch.setattr(bundle, "MOST_BYTES", 250)
    with pytest.raises(BundleTooLargeError, match="name some tenants"):
        pack("a.zip", [(str(number), "x" * 90) for number in range(3)])


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    """A ticket's file names admins and addresses."""
    path = tmp_path / "a.zip"
    write(path, [("a", "b")])
    assert path.stat().st_mode & 0o777 == 0o600
