"""OAuth2 with Keycloak: both styles of client authentication, and a secret that is rotated."""

import time

import pytest

from support.cluster.cluster import Installation
from support.cluster.keycloak import CLIENT, LIFETIME, Keycloak


@pytest.fixture(scope="module")
def idp(starting_keycloak: Keycloak) -> Keycloak:
    """Wait until it is there."""
    starting_keycloak.wait()
    return starting_keycloak


@pytest.fixture(scope="module")
def oms(installation: Installation, idp: Keycloak) -> str:
    """Run an OMS that checks Keycloak's tokens; return its base URL."""
    return installation.run_oms("oms", "python", "/scripts/oms.py", env={"OMS_ISSUER": idp.issuer})


def _keys(idp: Keycloak, **more: str) -> dict[str, str]:
    return {"clientId": CLIENT, "clientSecret": idp.secret, "authUrl": idp.token_url, **more}


@pytest.mark.parametrize("style", ["auto", "client_secret_basic", "client_secret_post"])
def test_both_styles(installation: Installation, idp: Keycloak, oms: str, style: str) -> None:
    """Keycloak gives a token by each, and the OMS takes it."""
    name = style.replace("_", "-")
    secret = installation.secret(name, **_keys(idp, clientAuth=style))
    installation.cluster.apply(secret, installation.tenant(name, oms, replicas=1))
    installation.wait(name)
    answer = installation.read(name)
    assert (answer.status, answer.body["customerOrder"]["customerId"]) == (200, CLIENT), answer
    installation.cluster.kubectl("delete", f"tenantproxy/{name}", f"-n={installation.namespace}")


def test_wrong_secret(installation: Installation, idp: Keycloak, oms: str) -> None:
    """Keycloak's refusal is told as what it is, and the right secret gets in."""
    wrong = installation.secret("wrong", **_keys(idp, clientSecret="guessed"))
    installation.cluster.apply(wrong, installation.tenant("wrong", oms, replicas=1))
    installation.wait("wrong")
    answer = installation.read("wrong")
    assert (answer.status, answer.body["code"]) == (502, "upstream-rejected-credentials")
    assert "guessed" not in answer.text
    assert installation.change_credential("wrong", "oauth2", **_keys(idp)).status == 204
    installation.wait_for_read("wrong", 200, within=5)
    installation.cluster.kubectl("delete", "tenantproxy/wrong", f"-n={installation.namespace}")


def test_rotation(installation: Installation, idp: Keycloak, oms: str) -> None:
    """A secret that is replaced in time fails no request, by PUT and by the Secret; too late, it heals."""
    name, cluster = "rotated", installation.cluster
    cluster.apply(installation.secret(name, **_keys(idp)), installation.tenant(name, oms))
    installation.wait(name)
    assert installation.read(name).status == 200

    idp.rotate()
    assert installation.change_credential(name, "oauth2", **_keys(idp)).status == 204
    _assert_reads_go_on(installation, name)

    idp.rotate()
    cluster.apply(installation.secret(name, **_keys(idp)))
    _assert_reads_go_on(installation, name)

    idp.rotate()
    installation.wait_for_read(name, 502, code="upstream-rejected-credentials", within=LIFETIME * 4)
    cluster.apply(installation.secret(name, **_keys(idp)))
    installation.wait_for_read(name, 200, within=10)


def _assert_reads_go_on(installation: Installation, name: str) -> None:
    """Longer than tokens live that the earlier secret has got."""
    end = time.monotonic() + LIFETIME + 2
    while time.monotonic() < end:
        answer = installation.read(name)
        assert answer.status == 200, answer
