"""The interface of all kinds of clusters."""

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path

from hack import ROOT


class ClusterError(Exception):
    """A cluster can't be had or used; the message says what to do."""


class Cluster(ABC):
    """A cluster."""

    @abstractmethod
    def up(self) -> None:
        """Have it run; does nothing where it does.

        Raises:
            ClusterError: It can't be had.

        """

    @abstractmethod
    def status(self) -> str | None:
        """Return what there is to say of the running cluster, None where there is none.

        Raises:
            ClusterError: It runs, and is not well.

        """

    @abstractmethod
    def down(self) -> None:
        """End it and remove what it left; does nothing where it does not run.

        Raises:
            ClusterError: Something stays.

        """

    @abstractmethod
    def load(self, archive: Path) -> None:
        """Bring an image that `docker save` or the like wrote.

        Raises:
            ClusterError: It is not there afterwards.

        """

    @abstractmethod
    def host(self) -> str:
        """Return the address at which pods reach what `command` runs.

        Raises:
            ClusterError: There is none.

        """

    @abstractmethod
    def on_node(self) -> str:
        """Return the words before a command that is to run on the node, as root, seen from what `command` runs.

        Empty where there is no way to the node.
        """

    @abstractmethod
    def command(self, command: Sequence[str]) -> tuple[Sequence[str], Mapping[str, str]]:
        """Return what runs a command where the cluster can be reached, and its environment.

        Raises:
            ClusterError: No cluster runs.

        """


def environment(kubeconfig: Path, *programs: Path) -> dict[str, str]:
    """Return the environment of a command that uses the cluster."""
    path = os.pathsep.join((*map(str, programs), os.environ["PATH"]))
    environ = os.environ | {"KUBECONFIG": str(kubeconfig), "PATH": path}
    # The entry point has put the repository's root in front, for this program alone.
    first, _, others = environ.pop("PYTHONPATH", "").partition(os.pathsep)
    modules = others if first == str(ROOT) else os.pathsep.join(filter(None, (first, others)))
    return environ | ({"PYTHONPATH": modules} if modules else {})
