"""Which first lists are still to come before a namespace's tenants can be reconciled.

A namespace that can't be listed holds up no other one.
"""

import asyncio
from collections.abc import Iterable

from tenantproxy_operator.kube.kinds import Kind


class FirstLists:
    """Which first lists of a namespace, or of all, are still to come."""

    def __init__(self) -> None:
        self.settled = asyncio.Event()
        """Set while nothing is to be waited for: all lists came, or are refused."""
        self._open: dict[Kind, bool] = {}
        """With whether it was refused."""

    @property
    def complete(self) -> bool:
        """Whether all lists came; of an optional kind, the right to list it may be missing."""
        return all(refused and kind.optional for kind, refused in self._open.items())

    def expect(self, kinds_to_come: Iterable[Kind]) -> None:
        """Wait for the lists of these kinds, too."""
        self._open |= dict.fromkeys(kinds_to_come, False)
        self._settle()

    def fill(self, kind: Kind) -> bool:
        """Take note that a list came; tell whether now all are complete."""
        before = self.complete
        self._open.pop(kind, None)
        self._settle()
        return self.complete and not before

    def refuse(self, kind: Kind) -> bool:
        """Take note that a list is refused; tell whether now all are complete."""
        before = self.complete
        if kind in self._open:
            self._open[kind] = True
        self._settle()
        return self.complete and not before

    def _settle(self) -> None:
        if all(self._open.values()):
            self.settled.set()
        else:
            self.settled.clear()
