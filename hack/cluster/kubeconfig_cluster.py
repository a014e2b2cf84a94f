"""The cluster of the user's KUBECONFIG: used, never changed."""

import os
import shutil
import socket
import subprocess
import urllib.parse
from collections.abc import Mapping, Sequence
from pathlib import Path

from hack.build.gomodules import MissingError, say
from hack.cluster.cluster import Cluster, ClusterError, environment
from hack.programs import node as programs


class KubeconfigCluster(Cluster):
    """What KUBECONFIG leads to."""

    def __init__(self, kubeconfig: str) -> None:
        self._kubeconfig = Path(kubeconfig)

    def up(self) -> None:
        """Check that it answers."""
        said = self.status()
        say(f"using {said.splitlines()[0]}")
        metrics, environ = self.command(("kubectl", "top", "nodes"))
        if subprocess.run(metrics, env=environ, capture_output=True, check=False).returncode != 0:
            say("`kubectl top` does not answer there: what needs metrics-server will fail")

    def status(self) -> str:
        """Return its nodes."""
        command, environ = self.command(("kubectl", "get", "nodes", "--output=wide"))
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ClusterError(
                f"the cluster of KUBECONFIG={self._kubeconfig} does not answer: {done.stderr.splitlines()[-1]}"
            )
        return f"the cluster of KUBECONFIG={self._kubeconfig}\n{done.stdout}"

    def down(self) -> None:
        """Leave it running."""
        say(f"the cluster of KUBECONFIG={self._kubeconfig} is not ours: it stays up")

    def load(self, archive: Path) -> None:
        """Refuse: that is a registry's task."""
        raise ClusterError(
            f"{archive} can't be brought to the cluster of KUBECONFIG={self._kubeconfig}: push the image to a "
            "registry that it pulls from"
        )

    def host(self) -> str:
        """Return the address that this machine has on its way to the API server."""
        server = ("kubectl", "config", "view", "--minify", "--output=jsonpath={.clusters[0].cluster.server}")
        command, environ = self.command(server)
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
        address = urllib.parse.urlsplit(done.stdout)
        try:
            # Nothing is sent: only the route is looked up.
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as route:
                route.connect((address.hostname or "", address.port or 443))
                return str(route.getsockname()[0])
        except OSError as error:
            raise ClusterError(f"there is no way to the API server {done.stdout}: {error}") from error

    def on_node(self) -> str:
        """Return nothing: there is no way to the nodes."""
        return ""

    def command(self, command: Sequence[str]) -> tuple[Sequence[str], Mapping[str, str]]:
        """Return the command as it is."""
        return command, environment(self._kubeconfig, *kubectl())


def kubectl() -> tuple[Path, ...]:
    """Return the directory of a kubectl, nothing where one is on PATH.

    Raises:
        ClusterError: There is none.

    """
    if shutil.which("kubectl", path=os.environ["PATH"]) is not None:
        return ()
    try:
        return (programs.CONTROL_PLANE.directory(),)
    except MissingError as error:
        raise ClusterError(str(error)) from error
