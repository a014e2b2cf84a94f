"""A connection to the OMS that is ready for the next read: at start, and after a rotation of TLS files."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from tenantproxy.transport.base import PooledTransport, UpstreamError

_log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 15.0
"""Between two looks whether there is a reason."""


async def keep_warm(transport: PooledTransport, may_connect: Callable[[], bool]) -> None:
    """Do so until cancelled; nothing is sent, and that the OMS can't be reached is for the next read to tell."""
    while True:
        if may_connect():
            try:
                await transport.warm_up()
            except UpstreamError as error:
                _log.debug("no connection to the OMS ahead of reads: %s", error.reason)
        await asyncio.sleep(LOOK_SECONDS)
