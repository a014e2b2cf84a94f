"""Which kinds of a namespace have been listed once; its tenants are not reconciled before (client-go: HasSynced).

A namespace that can't be listed holds up no other one.
"""

import asyncio
from collections.abc import Iterable

from tenantproxy_operator.kube.kinds import Kind


class InitialSync:
    """The initial lists of one namespace, or of all."""

    def __init__(self) -> None:
        self.settled = asyncio.Event()
        """Set while no list is to be waited for: each one came, or is forbidden."""
        self._outstanding: dict[Kind, bool] = {}
        """With whether the API server has refused it."""

    @property
    def complete(self) -> bool:
        """Whether all lists came; that of an optional kind may be forbidden."""
        return all(forbidden and kind.optional for kind, forbidden in self._outstanding.items())

    def expect(self, kinds_to_come: Iterable[Kind]) -> None:
        """Wait for the lists of these kinds, too."""
        self._outstanding |= dict.fromkeys(kinds_to_come, False)
        self._settle()

    def mark_synced(self, kind: Kind) -> bool:
        """Record that a list arrived; return whether it was the last one to wait for."""
        before = self.complete
        self._outstanding.pop(kind, None)
        self._settle()
        return self.complete and not before

    def mark_forbidden(self, kind: Kind) -> bool:
        """Record that a list is forbidden; return whether it was the last one to wait for."""
        before = self.complete
        if kind in self._outstanding:
            self._outstanding[kind] = True
        self._settle()
        return self.complete and not before

    def _settle(self) -> None:
        if all(self._outstanding.values()):
            self.settled.set()
        else:
            self.settled.clear()
