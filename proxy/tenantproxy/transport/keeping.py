"""How long a connection is kept that is not in use. Without I/O; the clock is the caller's."""

import re
from math import inf
from typing import Final, NamedTuple

MAX_AGE: Final = 600.0
"""Seconds after which a connection is not used again: the next one goes to the address that its name has then."""
AGE_SPREAD: Final = 0.25
"""The part of it by which connections that were made at once end at different times."""
_MARGIN: Final = 1.0
"""Seconds before the time that the server names (half of it, if that is less): a request is on its way, too."""
_TIMEOUT: Final = re.compile(r"(?:^|[\s,;])timeout\s*=\s*\"?([0-9]+)", re.ASCII | re.IGNORECASE)


class Keeping(NamedTuple):
    """What happens to connections that are not in use, as long as the server keeps them."""

    seconds: float
    """For which one is kept unused; since the one used last is used first, those are more than is needed."""
    spare: int
    """So many, those used last, are kept for longer: until the server closes them, or they are too old."""


BRIEFLY: Final = Keeping(15.0, 0)
"""For a server that is asked rarely, and not to be asked twice: a kept connection may turn out to be dead."""
LONG: Final = Keeping(60.0, 2)
"""For an OMS. It may have a thread for each connection, so few stay where nobody asks."""


def promised(keep_alive: str) -> float:
    """Return the seconds for which a connection can be used that has a `Keep-Alive` header of the server.

    The header is of the older RFC 2068 (section 19.7.1), and widespread.
    """
    found = _TIMEOUT.search(keep_alive)
    if found is None:
        return inf
    seconds = min(float(found[1]), MAX_AGE)
    return seconds - min(_MARGIN, seconds / 2)
