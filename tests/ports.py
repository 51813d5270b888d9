"""A port for what a test starts."""

import contextlib
import secrets
import socket


def free_port() -> int:
    """One that nobody listens on, and below those that the system gives to others by itself."""
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
