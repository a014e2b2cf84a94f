"""The peer: a minimal operator with controller-runtime that makes the same children (bench/peers/operator)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from bench.peers.build import build
from bench.scale import fleet
from bench.scale.cluster_site import Site
from bench.scale.measure import MakeSubject
from bench.scale.subject import Subject
from support.operator.process import OperatorProcess
from tenantproxy_operator.kube.kinds import Key

_NAME: Final = Key("zz-namespace-zz", "zz-name-zz")
_UID: Final = "zz-uid-zz"
"""What the peer replaces in the template of the children."""


class _PeerProcess(OperatorProcess):
    """The peer, as our own operator is run."""

    def __init__(self, program: Path, template: Path, site: Site) -> None:
        super().__init__("-children", template, directory=site.directory, kubeconfig=site.kubeconfig)
        self._peer = program

    def _command(self, *, kubeconfig: Path, admin: str) -> Sequence[str | Path]:
        return (self._peer, "-file", kubeconfig, "-admin", admin)


def peer() -> MakeSubject:
    """Return what makes it for a site; it is built first. Raises MissingError."""
    program = build("operator")

    def make(site: Site) -> Subject:
        template = site.directory / "children.json"
        template.write_bytes(_template())
        return Subject(_PeerProcess(program, template, site))

    return make


def _template() -> bytes:
    """Return the children of a tenant with the names that the peer replaces, as a List."""
    items = fleet.children_of(_NAME, _UID)
    return msgspec.json.encode({"apiVersion": "v1", "kind": "List", "items": items})
