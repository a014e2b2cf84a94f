"""A bundle for a ticket: no secrets, and bounded."""

import io
import tarfile
import time
import zipfile
from pathlib import Path

import pytest

from tenantproxy_operator.doctor import bundle
from tenantproxy_operator.doctor.bundle import (
    LONGEST_FILE,
    MASK,
    BundleTooLargeError,
    cleaned,
    files,
    masked,
    pack,
    write,
)
from tenantproxy_operator.doctor.view import Process, TenantView, View
from tenantproxy_operator.fleet.objects import Metadata, TenantProxy

SECRET = "M4RKED-S3CRET"
LETTERS = "MARKED-SECRET"
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
        f"DB_PASSWORD={SECRET}",
        f"passwd: {SECRET}",
        f"passphrase: {SECRET}",
        f'password: "{SECRET}, {SECRET}"',
        f"password: 'a {SECRET}'",
        f'{{"password":"a\\"{SECRET}"}}',
        f"X-Api-Key: {SECRET}",
        f"client-secret={SECRET}",
        f"AWS_SECRET_ACCESS_KEY={SECRET}",
        f"refreshToken={SECRET}",
        f"token: {SECRET}",
        f'"secret":"{SECRET}"',
        f"Authorization: {SECRET}",
        f"Authorization: Bearer {LETTERS}",
        f"https://oms.example/orders?code={SECRET}&x=1",
        f"serve --api-key {SECRET} --port 1",
        f"ghp_{SECRET}",
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str) -> None:
    """In whatever somebody has logged or written."""
    shown = masked(text)
    assert MASK in shown
    for part in (SECRET, LETTERS, JWT, "dXNlcjpNNFJLRUQ="):
        assert part not in shown


@pytest.mark.parametrize(
    "text",
    [
        "with Basic authentication, or a Bearer token",
        '{"secretName": "acme-credentials", "secretRef": {"name": "x"}}',
        "https://oms.example/api/v1",
        "no access token, 1 of 1 times: the token endpoint: the id or the secret is wrong (invalid_client)",
        "volumes:\n- secret:\n    secretName: acme-credentials\n",
        "the Secret acme-credentials has no key for a token: add one",
        "doctor --token-file FILE --bundle FILE",
        'curl -H "Authorization: Bearer $TOKEN" https://acme.example',
        'tenantproxy_token_fetch_total{tenant="acme",outcome="invalid_client"} 3.0',
    ],
)
def test_what_is_none_stays(text: str) -> None:
    """A ticket is to be read."""
    assert masked(text) == text


@pytest.mark.parametrize(
    "part",
    ["x", "eyJa", "-eyJa", "a://", "--", "a-", "password", "token=", "?a", 'pwd="', "password='x", "Basic "],
)
def test_takes_no_longer_for_whatever_is_logged(part: str) -> None:
    """The time grows with the length, not with its square: who repeats a word must not hold doctor up."""
    text = part * (LONGEST_FILE // 8 // len(part))
    began = time.process_time()
    masked(text)
    assert time.process_time() - began < 2


def test_values_in_objects_are_masked() -> None:
    """Those of environment variables and of fixed headers, wherever they are."""
    pod = {
        "metadata": {
            "managedFields": [{}],
            "annotations": {
                "kubectl.kubernetes.io/last-applied-configuration": SECRET,
                "proxy.hiiretail.com/debug-until": "2030-01-01T00:00:00Z",
                "deployment.kubernetes.io/revision": "1",
                "example.com/note": SECRET,
                "nokubernetes.io.example/x": SECRET,
            },
        },
        "spec": {"containers": [{"env": [{"name": "TOKEN", "value": SECRET}, {"name": "B", "valueFrom": {}}]}]},
    }
    assert cleaned(pod) == {
        "metadata": {
            "annotations": {
                "proxy.hiiretail.com/debug-until": "2030-01-01T00:00:00Z",
                "deployment.kubernetes.io/revision": "1",
                "example.com/note": MASK,
                "nokubernetes.io.example/x": MASK,
            }
        },
        "spec": {"containers": [{"env": [{"name": "TOKEN", "value": MASK}, {"name": "B", "valueFrom": {}}]}]},
    }
    assert cleaned({"headers": {"X-Key": SECRET}}) == {"headers": {"X-Key": MASK}}
    assert cleaned({"query": {"k": SECRET, "id": "{customerOrderId}"}}) == {
        "query": {"k": MASK, "id": "{customerOrderId}"}
    }
    assert cleaned({"x": {"apiToken": SECRET, "secretName": "a"}}) == {"x": {"apiToken": MASK, "secretName": "a"}}
    assert cleaned({"args": ["--token", SECRET, "--port", "1"]}) == {"args": ["--token", MASK, "--port", "1"]}


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
