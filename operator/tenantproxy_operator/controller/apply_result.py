"""What came of applying a tenant's children."""

from collections.abc import Container, Mapping, Sequence
from typing import Literal, Self

import msgspec

from tenantproxy_operator.cache.children import ChildName
from tenantproxy_operator.kube.objects import Metadata


class Failure(msgspec.Struct, frozen=True):
    """Why a child is not as it shall be."""

    kind: str
    name: str
    message: str
    cause: Literal["conflict", "refused", "failed", "waiting"]
    """It has another owner; the API server rejects it; it may succeed later; it waits for what it needs."""
    retry_after: float = 0.0
    """Seconds that the API server asked for before the next attempt."""
    passes: bool = False
    """Whether it goes by itself, as what garbage collection deletes."""

    def __str__(self) -> str:
        return f"{self.kind} {self.name}: {self.message}"


class ChildResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one child; nothing at all: it was left as it is."""

    name: ChildName
    owned: bytes | None = None
    """What we own of it, now that it is as it shall be."""
    foreign: bool = False
    """Whether it has another owner, so that nothing of it is ours."""
    created: Metadata | None = None
    """A Secret that did not exist."""
    failure: Failure | None = None
    unreachable: Exception | None = None


class ApplyResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came of applying all children of a tenant."""

    children: Mapping[ChildName, bytes]
    """What we own of each child that is as it shall be, or was when we last wrote it."""
    created_secret: Metadata | None = None
    """The Secret that did not exist; it is empty."""
    revision: str = ""
    """Which revision the pods were last released with; empty: none is stored."""
    failures: tuple[Failure, ...] = ()
    unreachable: Exception | None = None
    """Set where the API server did not answer, and the rest was left."""

    @classmethod
    def of(
        cls,
        wanted: Container[ChildName],
        trusted: Mapping[ChildName, bytes],
        results: Sequence[ChildResult],
        *,
        revision: str,
    ) -> Self:
        """Return what came of all children together; `trusted` is what we owned of each before."""
        owned = {name: digest for name, digest in trusted.items() if name in wanted}
        for result in results:
            if result.owned is not None:
                owned[result.name] = result.owned
            elif result.foreign:
                owned.pop(result.name, None)
        return cls(
            children=owned,
            created_secret=next((result.created for result in results if result.created), None),
            revision=revision,
            failures=tuple(result.failure for result in results if result.failure),
            unreachable=next((result.unreachable for result in results if result.unreachable), None),
        )

    @property
    def conflicts(self) -> tuple[Failure, ...]:
        """Objects of a child's name that have another owner."""
        return self._caused_by("conflict")

    @property
    def refused(self) -> tuple[Failure, ...]:
        """What the API server does not accept."""
        return self._caused_by("refused")

    @property
    def failed(self) -> tuple[Failure, ...]:
        """What may go well the next time."""
        return self._caused_by("failed")

    @property
    def waiting(self) -> tuple[Failure, ...]:
        """What is left as it is, because something that it needs can't be applied."""
        return self._caused_by("waiting")

    @property
    def retry_after(self) -> float:
        """Seconds that the API server asked for before the next attempt."""
        return max((failure.retry_after for failure in self.failures), default=0.0)

    def _caused_by(self, cause: str) -> tuple[Failure, ...]:
        return tuple(failure for failure in self.failures if failure.cause == cause)
