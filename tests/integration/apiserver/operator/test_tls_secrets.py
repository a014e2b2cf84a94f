"""The Secrets of `spec.upstream.tls`: nothing is rolled out before they can be used."""

from typing import Any

import pytest

from support.certificates import Authority
from support.operator.tenants import Tenants, child_name, versions
from tenantproxy_operator.kube import kinds

from .conftest import Run

CLUSTER_WIDE = False  # what is in a Secret is read in its own namespace
AUTHORITY = Authority()
PAIR = AUTHORITY.issue("client.example")
CA = {"caSecretRef": {"name": "ca"}}
CLIENT = {"clientCertificateSecretRef": {"name": "client"}}
FIELD = "spec.upstream.tls"
STAYS = "; running proxies stay as they are"


def named(name: str, tls: dict[str, Any]) -> dict[str, Any]:
    """Return the field with Secrets of the test's own."""
    return {FIELD: {key: {"name": f"{name}-{value['name']}"} for key, value in tls.items()}}


@pytest.mark.parametrize(
    ("tls", "good"),
    [(CA, {"ca.crt": AUTHORITY.pem}), (CLIENT, PAIR.tls_keys)],
    ids=["ca", "client certificate"],
)
async def test_missing_bad_and_good(
    run: Run, tenants: Tenants, name: str, tls: dict[str, Any], good: dict[str, str]
) -> None:
    """No child is made while it is missing or bad; each change of it is seen at once."""
    ((field, reference),) = tls.items()
    secret = f"{name}-{reference['name']}"
    run.since_now()
    await tenants.create(name, named(name, tls))
    accepted = await tenants.condition(name, "Accepted", status="False", reason="TLSSecretMissing")
    assert accepted["message"] == (
        f"{FIELD}.{field}: Secret {secret} does not exist; create it with {' and '.join(good)}, or remove the "
        f"field{STAYS}"
    )
    await tenants.put(kinds.SECRET, secret, {"stringData": {"wrong": "keys"}})
    accepted = await tenants.condition(name, "Accepted", status="False", reason="TLSSecretInvalid")
    assert accepted["message"].startswith(f"{FIELD}.{field}: Secret {secret}: `{next(iter(good))}` ")
    assert accepted["message"].endswith(STAYS)
    await tenants.patch(kinds.SECRET, secret, {"stringData": dict.fromkeys(good, "not PEM")})
    await tenants.condition(name, "Accepted", status="False", reason="TLSSecretInvalid")
    assert {write.split()[1] for write in run.writes()} == {"tenantproxies/status", "events"}

    await tenants.patch(kinds.SECRET, secret, {"stringData": good})
    await tenants.condition(name, "Accepted", status="True", reason="Accepted")
    pod = (await tenants.children(name))[kinds.DEPLOYMENT]["spec"]["template"]["spec"]
    assert secret in {volume.get("secret", {}).get("secretName") for volume in pod["volumes"]}
    assert not [write for write in run.writes() if secret in write]


async def test_what_runs_stays_as_it_is(run: Run, tenants: Tenants, name: str) -> None:
    """A change that needs a Secret which is not there yet waits for it, as a whole."""
    await tenants.created(name)
    before = versions(await tenants.children(name))
    run.since_now()
    await tenants.change(name, {"spec.replicas": 3} | named(name, CA))
    await tenants.condition(name, "Accepted", status="False", reason="TLSSecretMissing")
    assert versions(await tenants.children(name)) == before
    await tenants.put(kinds.SECRET, f"{name}-ca", {"stringData": {"ca.crt": AUTHORITY.pem}})
    await tenants.condition(name, "Accepted", status="True", reason="Accepted")
    assert (await tenants.children(name))[kinds.DEPLOYMENT]["spec"]["replicas"] == 3


async def test_secret_that_goes(tenants: Tenants, name: str) -> None:
    """Its end is told, and changes nothing of what runs; removing the field heals, too."""
    secret = f"{name}-ca"
    await tenants.put(kinds.SECRET, secret, {"stringData": {"ca.crt": AUTHORITY.pem}})
    await tenants.created(name, named(name, CA))
    before = versions(await tenants.children(name))
    await tenants.remove(kinds.SECRET, secret)
    await tenants.condition(name, "Accepted", status="False", reason="TLSSecretMissing")
    assert versions(await tenants.children(name)) == before
    await tenants.change(name, {FIELD: ...})
    await tenants.condition(name, "Accepted", status="True", reason="Accepted")
    assert await tenants.child(kinds.DEPLOYMENT, child_name(kinds.DEPLOYMENT, name))


async def test_certificate_and_key_that_do_not_belong_together(tenants: Tenants, name: str) -> None:
    """The status says so."""
    other = AUTHORITY.issue("client.example")
    mixed = {"tls.crt": PAIR.certificate, "tls.key": other.key}
    await tenants.put(kinds.SECRET, f"{name}-client", {"stringData": mixed, "type": "kubernetes.io/tls"})
    await tenants.create(name, named(name, CLIENT))
    accepted = await tenants.condition(name, "Accepted", status="False", reason="TLSSecretInvalid")
    assert "`tls.key`" in accepted["message"]
    await tenants.patch(kinds.SECRET, f"{name}-client", {"stringData": PAIR.tls_keys})
    await tenants.condition(name, "Accepted", status="True", reason="Accepted")
