"""What a TenantProxy may say about its PosLog relay."""

from typing import Any

import pytest
from pydantic import ValidationError

from support.operator.manifests import changed, minimal, params
from support.operator.mistakes import MISTAKES, Mistake
from tenantproxy_operator.api.poslog import PASSWORD, SECRET_KEYS, SHARED_KEY, SIGNING_KEY, USERNAME
from tenantproxy_operator.api.resource import TenantProxy
from tenantproxy_operator.manifests.problems import field_errors
from tenantproxy_operator.settings import Settings
from tenantproxy_operator.validation.resource import check_resource

RELAY: dict[str, Any] = {"verification": {"sharedKey": True}, "delivery": {"path": "/pos-events"}}
OWN = [each for each in MISTAKES if each.path.startswith("spec.poslog.") and each.told != "policy"]


def _errors(manifest: dict[str, Any]) -> str:
    try:
        resource = TenantProxy.model_validate(manifest)
    except ValidationError as error:
        return "; ".join(map(str, field_errors(error, TenantProxy)))
    return "; ".join(map(str, check_resource(resource, Settings())))


@pytest.mark.parametrize("mistake", OWN, ids=lambda mistake: mistake.what)
def test_mistakes(mistake: Mistake) -> None:
    """The operator refuses by itself what the schema refuses, and names the field."""
    assert "spec.poslog" in _errors(mistake.manifest)


def test_a_header_of_the_relay_s_own() -> None:
    """It is said once: what its name looks like is no news."""
    relay = RELAY | {"delivery": {"path": "/a", "headers": {"Idempotency-Key": "1"}}}
    said = _errors(changed(minimal(), "spec.poslog", relay))
    assert "is set by the relay itself; remove it" in said
    assert "credential" not in said


def test_no_relay_no_mistake() -> None:
    """A relay that is switched off may be in a network that nobody permits: its URL is not called."""
    relay = RELAY | {"delivery": {"url": "https://10.1.2.3"}}
    assert "is private" in _errors(changed(minimal(), "spec.poslog", relay))
    assert _errors(changed(minimal(), "spec.poslog", relay | {"enabled": False})) == ""


def test_said_once() -> None:
    """What is wrong with the OMS's own URL is no news of the relay."""
    manifest = changed(minimal(), "spec.upstream.url", "https://10.1.2.3")
    once = _errors(manifest)
    assert once.count("is private") == 1
    assert _errors(changed(manifest, "spec.poslog", RELAY)) == once


@pytest.mark.parametrize(
    ("verification", "signed", "keys"),
    [
        ({"sharedKey": True}, False, [SHARED_KEY]),
        ({"sharedKey": False, "basic": True}, False, [USERNAME, PASSWORD]),
        ({"idToken": {"audience": "a"}}, False, []),
        ({"sharedKey": True, "basic": True}, True, list(SECRET_KEYS)),
        ({"sharedKey": True, "idToken": {"audience": "a"}}, True, [SHARED_KEY, SIGNING_KEY]),
    ],
)
def test_keys(verification: dict[str, Any], *, signed: bool, keys: list[str]) -> None:
    """The Secret must have those of what is switched on."""
    relay = RELAY | {"verification": verification, "delivery": {"path": "/p", "signed": signed}}
    found = params({"spec.poslog": relay}).resource.relay
    assert found is not None
    assert list(found.secret_keys) == keys


@pytest.mark.parametrize(("enabled", "there"), [(True, True), (None, True), (False, False)])
def test_enabled(*, enabled: bool | None, there: bool) -> None:
    """What is described is there, until it is switched off."""
    assert bool(params({"spec.poslog": RELAY | {"enabled": enabled}}).resource.relay) is there
    assert params().resource.relay is None
