"""The ways to the API server: each form of a kubeconfig, a pod's own."""

import asyncio
import base64
import json
import os
import ssl
from pathlib import Path
from typing import Any

import pytest
from kubernetes.aio.config import kube_config

from support.certificates import HERE, Authority
from support.proxy.oms import answering, http
from support.proxy.tls_server import Peers, TlsServer
from support.waiting import PATIENCE
from tenantproxy.kube.access import KubeAccess
from tenantproxy.kube.api import KubeError
from tenantproxy.kube.client import KubeClient
from tenantproxy_operator.kube.connection import Connection

CA = Authority()
PAIR = CA.issue("client")
URL = "https://127.0.0.1:6443"


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide the machine's own kubeconfig, and the pod that the tests may run in."""
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "absent"))


def kubeconfig(path: Path, *, user: dict[str, Any] | None = None, **cluster: Any) -> Path:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": "c", "cluster": {"server": URL, **cluster}},
            {"name": "d", "cluster": {"server": "https://other.example"}},
        ],
        "users": [{"name": "u", "user": user or {}}],
        "contexts": [
            {"name": "x", "context": {"cluster": "c", "user": "u"}},
            {"name": "y", "context": {"cluster": "d", "user": "u", "namespace": "stores"}},
        ],
        "current-context": "x",
    }
    path.write_text(json.dumps(config))  # JSON is YAML
    return path


def trusted(access: KubeAccess) -> int:
    """Return how many CAs are trusted."""
    assert access.tls is not None
    return len(access.tls.get_ca_certs())


async def test_token_and_ca_inside(tmp_path: Path) -> None:
    """The commonest form: all is in the file."""
    path = kubeconfig(tmp_path / "c", user={"token": "M4RKED"}, **{"certificate-authority-data": encoded(CA.pem)})
    connection = await Connection.load(path)
    assert (connection.access.url, connection.access.authorization()) == (URL, "Bearer M4RKED")
    assert trusted(connection.access) == 1


async def test_files_beside_it(tmp_path: Path) -> None:
    """Files are named relative to the kubeconfig; a token's file may end in a newline."""
    (tmp_path / "ca.crt").write_text(CA.pem)
    (tmp_path / "token").write_text("M4RKED\n")
    user = {"tokenFile": str(tmp_path / "token")}
    connection = await Connection.load(
        kubeconfig(tmp_path / "c", user=user, **{"certificate-authority": "ca.crt"})
    )
    assert connection.access.authorization() == "Bearer M4RKED"
    assert trusted(connection.access) == 1


@pytest.mark.parametrize("inside", [True, False])
async def test_client_certificate(tmp_path: Path, *, inside: bool) -> None:
    """With a client certificate there is no token; the server sees the certificate."""
    if inside:
        user = {"client-certificate-data": encoded(PAIR.certificate), "client-key-data": encoded(PAIR.key)}
    else:
        user = {"client-certificate": "client.crt", "client-key": "client.key"}
        (tmp_path / "client.crt").write_text(PAIR.certificate)
        (tmp_path / "client.key").write_text(PAIR.key)
    peers = Peers(answering(http(200, b"{}")))
    async with TlsServer(peers, CA.issue(*HERE), client_ca=CA.pem) as server:
        cluster = {"server": server.url, "certificate-authority-data": encoded(CA.pem)}
        connection = await Connection.load(kubeconfig(tmp_path / "c", user=user, **cluster))
        assert connection.access.authorization() is None
        client = KubeClient(connection.access)
        await client.request("GET", "/")
        await client.close()
    assert peers.serials == [PAIR.serial]


async def test_insecure(tmp_path: Path) -> None:
    """Certificates go unchecked only where the kubeconfig says so."""
    connection = await Connection.load(kubeconfig(tmp_path / "c", user={}, **{"insecure-skip-tls-verify": True}))
    assert connection.access.tls is not None
    assert connection.access.tls.verify_mode == ssl.CERT_NONE
    checked = await Connection.load(kubeconfig(tmp_path / "d"))
    assert checked.access.tls is not None
    assert (checked.access.tls.verify_mode, checked.access.tls.check_hostname) == (ssl.CERT_REQUIRED, True)


async def test_plain_http(tmp_path: Path) -> None:
    """As `kubectl proxy` offers it."""
    connection = await Connection.load(kubeconfig(tmp_path / "c", server="http://127.0.0.1:8001/"))
    assert (connection.access.url, connection.access.tls) == ("http://127.0.0.1:8001", None)


async def test_contexts(tmp_path: Path) -> None:
    """The current one, or the one that is named."""
    path = kubeconfig(tmp_path / "c")
    assert (await Connection.load(path, "y")).access.url == "https://other.example"
    with pytest.raises(KubeError, match="with name z in"):
        await Connection.load(path, "z")


async def test_namespace(tmp_path: Path) -> None:
    """The context's, for commands that are given none; else "default", as for kubectl."""
    path = kubeconfig(tmp_path / "c")
    assert (await Connection.load(path)).namespace == "default"
    assert (await Connection.load(path, "y")).namespace == "stores"


async def test_which_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The option wins over the environment, which wins over the default."""
    monkeypatch.setattr(
        kube_config,
        "KUBE_CONFIG_DEFAULT_LOCATION",
        str(kubeconfig(tmp_path / "default", server="https://default.example")),
    )
    assert (await Connection.load(None)).access.url == "https://default.example"
    environment = kubeconfig(tmp_path / "environment", server="https://environment.example")
    monkeypatch.setenv("KUBECONFIG", str(environment))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    assert (await Connection.load(None)).access.url == "https://environment.example"
    option = kubeconfig(tmp_path / "option", server="https://option.example")
    assert (await Connection.load(option)).access.url == "https://option.example"


def service_account(directory: Path) -> Path:
    (directory / "ca.crt").write_text(CA.pem)
    (directory / "token").write_text("M4RKED\n")
    return directory


@pytest.mark.parametrize(("host", "url"), [("10.96.0.1", "https://10.96.0.1:443"), ("::1", "https://[::1]:443")])
async def test_as_a_pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, url: str) -> None:
    """By the environment and the mounted service account; the token is read again as it rotates."""
    directory = service_account(tmp_path)
    environ = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": "443"}
    access = KubeAccess.in_cluster(directory, environ)
    assert (access.url, access.authorization(), trusted(access)) == (url, "Bearer M4RKED", 1)
    # The same by `load`, up to the place of the files.
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    with pytest.raises(KubeError, match="is a token mounted"):
        await Connection.load(None)


BROKEN = {
    "no YAML": "{token: M4RKED, [",
    "binary": "\x00M4RKED",
    "empty": "",
    "a list": "[M4RKED]",
    "text": "M4RKED",
    "a number for a server": json.dumps(
        {
            "clusters": [{"name": "c", "cluster": {"server": 5}}],
            "users": [{"name": "u", "user": {"token": "M4RKED"}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }
    ),
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
async def test_what_is_no_kubeconfig(tmp_path: Path, text: str) -> None:
    """It is named, and not quoted."""
    path = tmp_path / "broken"
    path.write_text(text)
    with pytest.raises(KubeError, match="is not a kubeconfig; see") as raised:
        await Connection.load(path)
    assert "M4RKED" not in str(raised.value)
    assert str(path) in str(raised.value)


@pytest.mark.parametrize(
    ("user", "cluster", "words"),
    [
        ({}, {"certificate-authority": "/absent/ca.crt"}, "/absent/ca.crt"),
        ({}, {"certificate-authority-data": encoded("no certificate")}, "its certificates can't be used"),
        ({"client-certificate-data": encoded("x"), "client-key-data": encoded("y")}, {}, "certificates can't be"),
        ({"client-certificate-data": encoded(PAIR.certificate)}, {}, "its certificates can't be used"),
        ({}, {"server": ""}, "names no server"),
    ],
)
async def test_what_can_not_be_used(tmp_path: Path, user: Any, cluster: Any, words: str) -> None:
    """What is missing, or broken, is said."""
    with pytest.raises(KubeError, match=words):
        await Connection.load(kubeconfig(tmp_path / "c", user=user, **cluster))


async def test_no_way_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Neither a kubeconfig nor a pod; a directory is no kubeconfig. One that is missing is said to be, once."""
    for path in (None, tmp_path / "missing", tmp_path):
        with pytest.raises(KubeError, match="no usable kubeconfig at"):
            await Connection.load(path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(
        kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", ""
    )  # as where the variable is empty at import
    for variable in ("", f"{tmp_path / 'a'}{os.pathsep}{tmp_path / 'b'}"):
        monkeypatch.setenv("KUBECONFIG", variable)
        with pytest.raises(KubeError) as raised:
            await Connection.load(None)
        assert f"at {variable or '~/.kube/config'} (there is no such file)" in str(raised.value)
    assert capfd.readouterr() == ("", "")


async def test_several_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As of kubectl, one of those that $KUBECONFIG lists is enough."""
    path = kubeconfig(tmp_path / "c", user={"token": "t"})
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path / 'missing'}{os.pathsep}{path}")
    assert (await Connection.load(None)).access.url == URL


async def test_keep_fresh(tmp_path: Path) -> None:
    """Where nothing needs to be kept fresh, nobody is kept busy."""
    async with asyncio.timeout(PATIENCE):
        await (await Connection.load(kubeconfig(tmp_path / "c", user={"token": "t"}))).keep_fresh()
        await Connection(KubeAccess(url=URL)).keep_fresh()
