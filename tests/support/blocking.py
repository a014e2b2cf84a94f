"""A client that sends all it has before it reads anything, as many do."""

import socket
import time
from collections.abc import Iterable


def send_then_read(port: int, pieces: Iterable[bytes], *, pause: float = 0.0) -> bytes:
    """Send all pieces, pausing between them, then read until the server ends the connection.

    Raises:
        ConnectionError: The server reset the connection.
        TimeoutError: It was silent for ten seconds.

    """
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        for piece in pieces:
            client.sendall(piece)
            if pause:
                time.sleep(pause)
        received = b""
        while piece := client.recv(65536):
            received += piece
        return received
