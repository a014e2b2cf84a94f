"""Run an aiohttp application as a command: until SIGTERM or SIGINT, on a port that may be chosen for it."""

import asyncio
import signal
import socket
from collections.abc import Callable
from typing import Final

import click
from aiohttp import web

_DRAIN_SECONDS: Final = 1.0


def run(make_app: Callable[[str], web.Application], *, host: str, port: int, banner: str) -> None:
    """Serve the application that `make_app` makes for its base URL, and return when told to stop.

    `banner` is printed to stdout when the port is open, `{base}` in it being that URL.

    Raises:
        click.ClickException: The port can't be opened.

    """
    try:
        # Before the application: its base URL may be part of what it serves.
        listener = socket.create_server((host, port))
    except OSError as error:
        # `create_server` adds the address, at length: "(while attempting to bind on address ...)".
        reason = (error.strerror or str(error)).partition(" (while ")[0]
        raise click.ClickException(f"can't listen on {host}:{port} ({reason}); choose another --port") from None
    with listener:
        base = f"http://{host}:{listener.getsockname()[1]}"
        asyncio.run(_serve(make_app(base), listener, banner.format(base=base)))


async def _serve(app: web.Application, listener: socket.socket, banner: str) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_DRAIN_SECONDS)
    await runner.setup()
    try:
        await web.SockSite(runner, listener).start()
        click.echo(banner)
        await stop.wait()
    finally:
        await runner.cleanup()
