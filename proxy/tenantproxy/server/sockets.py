"""Listening sockets."""

import socket


def listen(address: str) -> socket.socket:
    """Return a listening socket at HOST:PORT or [IPV6]:PORT.

    Raises:
        OSError: The address is taken, or not this machine's.
        OverflowError, ValueError: The port is none.

    """
    host, _, port = address.rpartition(":")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host.strip("[]"), int(port)), family=family)
