"""The tenants of the demo, read out of the example manifests: there is no second place that describes them."""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

from tenantproxy.credentials.base import Credential
from tenantproxy.credentials.formats import from_secret

ISSUERS: Final = Path("dev", "issuers.yaml")
"""Relative to the examples."""

_LOOPBACK_PORT: Final = re.compile(r"(?<=127\.0\.0\.1:)\d+")


class Tenant(NamedTuple):
    """What the demo has to know of a tenant."""

    name: str
    tenant_id: str
    admin_email: str
    credential: Credential
    keys: Mapping[str, str]
    """Of its Secret."""


def read_tenants(directory: Path) -> Mapping[str, Tenant]:
    """Return the tenants that the manifests in `directory` describe, with the credentials of their Secrets."""
    documents = [
        document for path in sorted(directory.glob("*.yaml")) for document in yaml.safe_load_all(path.read_text())
    ]
    secrets = {_name(document): document for document in documents if document["kind"] == "Secret"}
    tenants = {}
    for document in documents:
        if document["kind"] != "TenantProxy":
            continue
        name = _name(document)
        keys = secrets[f"{name}-credentials"]["stringData"]
        credential = from_secret(keys)
        if credential is None:
            raise ValueError(f"{directory}: the Secret of {name} holds no credential")
        spec = document["spec"]
        tenants[name] = Tenant(name, spec["tenantId"], spec["access"]["admins"]["emails"][0], credential, keys)
    return tenants


def copy_with_ports(source: Path, target: Path, offset: int) -> None:
    """Copy the example manifests, with `offset` added to every port on the loopback."""
    shutil.copytree(source, target)
    for path in target.rglob("*.yaml"):
        path.write_text(_LOOPBACK_PORT.sub(lambda port: str(int(port[0]) + offset), path.read_text()))


def _name(document: Mapping[str, Any]) -> str:
    return str(document["metadata"]["name"])
