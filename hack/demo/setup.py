"""Set up what the demo talks to: an OMS, a token issuer, and the proxies of the example tenants, all running."""

import json
import os
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from yaml import YAMLError

from hack import ROOT
from hack.demo.manifests import ISSUERS, Tenant, copy_with_ports, read_tenants
from hack.demo.processes import ProcessError, Processes
from tenantproxy.credentials.basic import Basic
from tenantproxy.credentials.oauth2.credential import OAuth2

TOKEN_LIFETIME: Final = 3
"""Seconds; of the OMS's tokens. So short that one expires while the reader looks on."""

_EXAMPLES: Final = ROOT / "examples"
_OMS_PORT: Final = 8691
_ISSUER_PORT: Final = 8692
_PORT_BASE: Final = 8600
_PATIENCE: Final = 30.0
MAX_OFFSET: Final = 50000
"""Of all ports, so that every one stays below 65536."""
_OFFSET_STEP: Final = 100
_OFFSETS: Final = 20
"""How many are tried for one that is free."""


class RunningProxy(NamedTuple):
    """A tenant, and where its proxy is."""

    tenant: Tenant
    api: str
    admin: str


class Environment(NamedTuple):
    """Everything that runs, by base URL; `shown_manifests` is the folder that the proxies are made from.

    `state_dir` is that of `local`.
    """

    acme: RunningProxy
    globex: RunningProxy
    events: str
    """Where acme's relay takes store events."""
    oms: str
    issuer: str
    shown_manifests: str
    state_dir: Path


def set_up(processes: Processes, directory: Path, offset: int) -> Environment:
    """Start all processes and wait until they serve; `directory` is for what they keep.

    Raises:
        ProcessError: One doesn't, its port is taken, or the example manifests are not as they were.

    """
    tenants = _tenants()
    _check_ports(len(tenants), offset)
    manifests = _EXAMPLES
    if offset:
        manifests = directory / "examples"
        copy_with_ports(_EXAMPLES, manifests, offset)
    oms = processes.start(
        *("tenantproxy", "mock-oms", "--port", str(_OMS_PORT + offset)),
        *("--token-lifetime", str(TOKEN_LIFETIME)),
        env=_credentials_for_the_oms(tenants),
    )
    issuer = processes.start("tenantproxy", "dev-issuer", "--port", str(_ISSUER_PORT + offset))
    for process in (oms, issuer):
        process.wait_for_output(lambda output: output or None, within=_PATIENCE)
    local = processes.start(
        *("tenantproxy-operator", "local", "--json", "--filename", str(manifests)),
        *("--issuers", str(manifests / ISSUERS), "--port-base", str(_PORT_BASE + offset)),
        *("--state-dir", str(directory / "state"), "--log-level", "info"),
    )
    ready = local.wait_for_output(lambda output: _all_ready(output, set(tenants)), within=_PATIENCE)
    acme, globex = (
        RunningProxy(tenants[name], ready[name]["api"], ready[name]["admin"]) for name in ("acme", "globex")
    )
    return Environment(
        acme,
        globex,
        events=ready["acme"]["events"],
        oms=f"http://127.0.0.1:{_OMS_PORT + offset}",
        issuer=f"http://127.0.0.1:{_ISSUER_PORT + offset}",
        shown_manifests=str(manifests) if offset else _EXAMPLES.name,
        state_dir=directory / "state",
    )


def _tenants() -> Mapping[str, Tenant]:
    try:
        tenants = read_tenants(_EXAMPLES)
        missing = {"acme", "globex"} - tenants.keys()
    except (LookupError, TypeError, ValueError, YAMLError):
        raise ProcessError(
            f"the manifests can't be read; this says why: tenantproxy-operator render -f {_EXAMPLES}"
        ) from None
    if missing:
        raise ProcessError(
            f"no manifest in {_EXAMPLES} is of {' and '.join(sorted(missing))}, whom the demo is about"
        )
    return tenants


def _check_ports(tenants: int, offset: int) -> None:
    ports = (*range(_PORT_BASE, _PORT_BASE + 2 * tenants), _OMS_PORT, _ISSUER_PORT)
    for port in ports:
        if why := _why_unusable(port + offset):
            look = f"ss -ltnp 'sport = :{port + offset}'"
            raise ProcessError(
                f"port {port + offset} can't be used ({why}): stop what listens there (it is named by: {look}), "
                f"or move the ports of the demo to free ones: make demo PORT_OFFSET={_free_offset(ports, offset)}"
            )


def _free_offset(ports: Iterable[int], offset: int) -> int:
    """Return the next offset at which all ports are free; where there is none near, the next one."""
    candidates = range(offset + _OFFSET_STEP, MAX_OFFSET, _OFFSET_STEP)[:_OFFSETS]
    free = (each for each in candidates if not any(_why_unusable(port + each) for port in ports))
    return next(free, offset + _OFFSET_STEP)


def _why_unusable(port: int) -> str | None:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError as error:
        return os.strerror(error.errno or 0)
    return None


def _credentials_for_the_oms(tenants: Mapping[str, Tenant]) -> dict[str, str]:
    users, clients = [], []
    for tenant in tenants.values():
        credential = tenant.credential
        if isinstance(credential, Basic):
            users.append(f"{credential.username}:{credential.password}")
        elif isinstance(credential, OAuth2):
            clients.append(f"{credential.client_id}:{credential.client_secret}")
    return {"MOCK_OMS_BASIC": " ".join(users), "MOCK_OMS_CLIENTS": " ".join(clients)}


def _all_ready(output: str, names: set[str]) -> Mapping[str, Mapping[str, Any]] | None:
    """Return the `ready` event of each tenant, once all are there; a line that is still being written waits."""
    events = [json.loads(line) for line in output.splitlines(keepends=True) if line.endswith("\n")]
    ready = {event["tenant"]: event for event in events if event["event"] == "ready"}
    return ready if names <= ready.keys() else None
