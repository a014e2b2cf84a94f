"""OAuth2 with Keycloak: both styles of client authentication, and a secret that is rotated."""

import time

import pytest

from support.cluster.cluster import Installation
from support.cluster.keycloak import CLIENT, LIFETIME, Keycloak

STYLES = ("auto", "client_secret_basic", "client_secret_post")
ROTATED = ("by-put", "by-secret")


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


@pytest.fixture(scope="module")
def tenants(installation: Installation, idp: Keycloak, oms: str) -> None:
    """Run a tenant for each style, one with a wrong secret, and two more: they start beside each other."""
    kinds = {_named(style): _keys(idp, clientAuth=style) for style in STYLES}
    kinds |= {"wrong": _keys(idp, clientSecret="guessed"), **dict.fromkeys(ROTATED, _keys(idp))}
    for name, keys in kinds.items():
        replicas = 2 if name in ROTATED else 1
        installation.cluster.apply(
            installation.secret(name, **keys), installation.tenant(name, oms, replicas=replicas)
        )


def _named(style: str) -> str:
    return style.replace("_", "-")


@pytest.mark.usefixtures("tenants")
@pytest.mark.parametrize("style", STYLES)
def test_both_styles(installation: Installation, style: str) -> None:
    """Keycloak gives a token by each, and the OMS takes it."""
    installation.wait(_named(style))
    answer = installation.read(_named(style))
    assert (answer.status, answer.body["customerOrder"]["customerId"]) == (200, CLIENT), answer


@pytest.mark.usefixtures("tenants")
def test_wrong_secret(installation: Installation, idp: Keycloak) -> None:
    """Keycloak's refusal is told as what it is, and the right secret gets in."""
    installation.wait("wrong")
    answer = installation.read("wrong")
    assert (answer.status, answer.body["code"]) == (502, "upstream-rejected-credentials")
    assert "guessed" not in answer.text
    assert installation.change_credential("wrong", "oauth2", **_keys(idp)).status == 204
    installation.wait_for_read("wrong", 200, within=5)


@pytest.mark.usefixtures("tenants")
def test_rotation(installation: Installation, idp: Keycloak) -> None:
    """A secret that is replaced in time fails no request, by PUT and by the Secret; too late, it heals."""
    cluster = installation.cluster
    by_put, by_secret = ROTATED
    for name in ROTATED:
        installation.wait(name)
        assert installation.read(name).status == 200

    idp.rotate()
    assert installation.change_credential(by_put, "oauth2", **_keys(idp)).status == 204
    cluster.apply(installation.secret(by_secret, **_keys(idp)))
    # Longer than tokens live that the earlier secret has got.
    end = time.monotonic() + LIFETIME + 2
    while time.monotonic() < end:
        for name in ROTATED:
            answer = installation.read(name)
            assert answer.status == 200, answer

    idp.rotate()
    installation.wait_for_read(by_secret, 502, code="upstream-rejected-credentials", within=LIFETIME * 4)
    cluster.apply(installation.secret(by_secret, **_keys(idp)))
    installation.wait_for_read(by_secret, 200, within=10)
