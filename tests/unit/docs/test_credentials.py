"""The pages and the schema of the custom resource know every kind of credential, with its keys."""

import re
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from support.tools.openapi import DOCUMENT, resolved
from tenantproxy.credentials.base import Credential
from tenantproxy.credentials.kinds import KINDS
from tenantproxy.credentials.oauth2.token_answer import REASONS
from tenantproxy.credentials.oauth2.token_request import CLIENT_AUTHS
from tenantproxy.credentials.stores.environment import variable
from tenantproxy.transport.base import FailureReason

ROOT = Path(__file__).parents[3]
ALL_KINDS = [pytest.param(kind, id=kind.type) for kind in KINDS.values()]


def bodies() -> dict[str, Any]:
    """Return the schemas of the bodies of PUT /api/v1/proxy-config, by `type`; beside them there is only `{}`."""
    (content,) = DOCUMENT["paths"]["/api/v1/proxy-config"]["put"]["requestBody"]["content"].values()
    credential = resolved(content["schema"])
    *typed, stored = credential["oneOf"]
    assert stored["maxProperties"] == 0
    kinds = {schema["properties"]["type"]["enum"][0]: schema for schema in typed}
    assert kinds.keys() == credential["discriminator"]["mapping"].keys()
    return kinds


def test_openapi_marks_our_own_types() -> None:
    """Hii Retail documents two types; the others are said to be extensions."""
    assert [name for name, schema in bodies().items() if not schema.get("x-extension")] == ["basic", "oauth2"]


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_openapi_has_every_kind(kind: type[Credential]) -> None:
    """With the fields that a tenant's admin may set, and those that must be."""
    schema = bodies()[kind.type]["properties"]["config"]
    assert schema["required"] == list(kind.required_keys)
    assert sorted(schema["properties"]) == sorted((*kind.required_keys, *kind.optional_keys))


def test_openapi_has_no_other_kind() -> None:
    """A kind that is gone goes from the page, too."""
    assert bodies().keys() == KINDS.keys()


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_the_table_of_keys_has_every_kind(kind: type[Credential]) -> None:
    """docs/configuration.md: what a Secret may hold; docs/api.md: an example of a PUT."""
    rows = re.findall(r"^\| (`[^|]+) \|", (ROOT / "docs/configuration.md").read_text(), re.MULTILINE)
    documented = {key for row in rows for key in re.findall(r"`([^`]+)`", row)}
    assert set(kind.all_keys()) <= documented
    assert f'{{"type": "{kind.type}"' in (ROOT / "docs/api.md").read_text()


def test_the_custom_resource_has_every_kind() -> None:
    """A kind that the schema lacks would have its status refused."""
    crd = yaml.load((ROOT / "crds/tenantproxies.yaml").read_text(), yaml.CSafeLoader)
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"]
    assert schema["credentials"]["properties"]["type"]["enum"] == list(KINDS)


TOKEN_FAILURES = sorted({*REASONS, *get_args(FailureReason), "status-NNN", "timeout", "internal"})


@pytest.mark.parametrize("reason", TOKEN_FAILURES)
def test_each_reason_for_no_token_says_what_to_do(reason: str) -> None:
    """docs/troubleshooting.md has a row for each, or has it in the table of connections."""
    page = (ROOT / "docs/troubleshooting.md").read_text()
    _, _, section = page.partition("### No access token")
    rows = re.findall(r"^\| (`[^|]+) \|", section.partition("## 401")[0], re.MULTILINE)
    explained = {word for row in rows for word in re.findall(r"`([^`]+)`", row)}
    connections = set(get_args(FailureReason)) - {"too-large"}
    assert (reason in explained) is (reason not in connections)


def test_metrics_name_each_reason_for_no_token() -> None:
    """docs/metrics.md: the outcomes of a token request."""
    (row,) = re.findall(
        r"^\| `tenantproxy_token_fetch_total`.*$", (ROOT / "docs/metrics.md").read_text(), re.MULTILINE
    )
    named = {*re.findall(r"`([^`]+)`", row)} - {"tenantproxy_token_fetch_total", "outcome"}
    assert named == {*REASONS, "success", "status-NNN", "too-large", "timeout", "internal"}


@pytest.mark.parametrize("client_auth", CLIENT_AUTHS)
def test_each_client_authentication_is_explained(client_auth: str) -> None:
    """In the table of docs/configuration.md, and in the schema of a PUT."""
    assert f"| `{client_auth}` |" in (ROOT / "docs/configuration.md").read_text()
    properties = bodies()["oauth2"]["properties"]["config"]["properties"]
    assert client_auth in properties["clientAuth"]["enum"]


def test_mapping_page_names_the_variables_of_every_kind() -> None:
    """A row for each kind; those of its required keys come first."""
    page = (ROOT / "docs/mapping.md").read_text()
    (table,) = re.findall(r"\| credential \| variables \|\n\| --- \| --- \|\n((?:\|.*\n)+)", page)
    rows = [re.findall(r"`(\w+)`", row) for row in table.splitlines()]
    assert [row[: len(kind.required_keys)] for row, kind in zip(rows, KINDS.values(), strict=True)] == [
        [variable(key) for key in kind.required_keys] for kind in KINDS.values()
    ]
