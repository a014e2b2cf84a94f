"""The kinds of other projects that the operator can make, at an API server that knows them for a while."""

from pathlib import Path
from typing import Final

from support.apiserver.server import ApiServer
from tenantproxy_operator.kube import kinds

_OPTIONAL: Final = tuple(kind for kind in kinds.CHILDREN if kind.optional)


class OptionalKinds:
    """PodMonitors and HTTPRoutes."""

    def __init__(self, server: ApiServer, definitions: Path) -> None:
        """Take the definitions, whose directory `python -m hack.programs.crds` prints."""
        self._server = server
        self._definitions = definitions

    def install(self) -> None:
        """Have the API server know them."""
        for kind in _OPTIONAL:
            self._server.install_crd(self._definitions / f"{kind.plural}.yaml", f"{kind.plural}.{kind.group}")

    def remove(self) -> None:
        """Have the API server not know them, whether it does or not."""
        names = (f"crd/{kind.plural}.{kind.group}" for kind in _OPTIONAL)
        self._server.kubectl("delete", "--ignore-not-found", *names)
