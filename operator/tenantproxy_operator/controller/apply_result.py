"""What came of applying a tenant's children."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from tenantproxy_operator.cache.children import ChildName
from tenantproxy_operator.kube.objects import Metadata


class Failure(msgspec.Struct, frozen=True):
    """Why a child is not as it shall be."""

    kind: str
    name: str
    message: str
    cause: Literal["conflict", "refused", "failed"]
    """It has another owner; the API server rejects it; or it may succeed the next time."""
    retry_after: float = 0.0
    """Seconds that the API server asked for before the next attempt."""
    passes: bool = False
    """Whether it goes by itself, as what garbage collection deletes."""

    def __str__(self) -> str:
        return f"{self.kind} {self.name}: {self.message}"


class ApplyResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came of applying all children of a tenant."""

    children: Mapping[ChildName, bytes]
    """What we own of each child that is as it shall be, or was when we last wrote it."""
    created_secret: Metadata | None = None
    """The Secret that did not exist; it is empty."""
    failures: tuple[Failure, ...] = ()
    unreachable: Exception | None = None
    """Set where the API server did not answer, and the rest was left."""

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
    def retry_after(self) -> float:
        """Seconds that the API server asked for before the next attempt."""
        return max((failure.retry_after for failure in self.failures), default=0.0)

    def _caused_by(self, cause: str) -> tuple[Failure, ...]:
        return tuple(failure for failure in self.failures if failure.cause == cause)
