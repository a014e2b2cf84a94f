"""Estimate the work that an answer causes before doing it: by its size and its number of commas."""

from typing import Final, Protocol

from tenantproxy.orders.transform import NO_CRITERIA, Criteria

LIGHT_BYTES: Final = 64 * 1024
"""Read at the speed of C in a millisecond."""
LIGHT_OBJECTS: Final = 512
"""Made in a few milliseconds, where C reads all that is in them."""
UNCOUNTED_BYTES: Final = 4 * 1024
"""Not worth counting what is in them: 1,400 objects at most, made in half a millisecond."""
_LIGHT_VALUES: Final = 2048
"""Walked through in a few milliseconds."""
_BYTES_PER_VALUE: Final = 6
"""What a member has with a name of one letter, a value of one digit, and its comma."""
TOO_DENSE: Final = f"has too many values for its size: more than one in {_BYTES_PER_VALUE} bytes"


class HeavyError(Exception):
    """An answer can't be converted at once."""


class Outward(Protocol):
    """Makes the outward body of an OMS's."""

    def __call__(self, body: bytes, *, at_once: bool = False, criteria: Criteria = NO_CRITERIA) -> bytes:
        """Return the outward body; `at_once`: only if that takes a few milliseconds at most.

        `criteria` is what was searched for, from which rules may take values.

        Raises:
            ContractError: The answer breaks the contract.
            HeavyError: It can't be converted at once.
            UnparsableError: It is not JSON.

        """
        ...


def is_heavy(body: bytes) -> bool:
    """Return whether a walk through an answer takes more than a few milliseconds."""
    size = len(body)
    return size > UNCOUNTED_BYTES and (size > LIGHT_BYTES or body.count(b",") > _LIGHT_VALUES)


def is_too_dense(body: bytes) -> bool:
    """Return whether a large answer has more values than orders can have."""
    return len(body) > LIGHT_BYTES and body.count(b",") * _BYTES_PER_VALUE > len(body)
