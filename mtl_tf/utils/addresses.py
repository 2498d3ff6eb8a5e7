"""Addresses of processes in a network: HOST:PORT."""

import socket

_TIMEOUT_SECONDS = 10


def parse(address: str) -> tuple[str, int]:
    """Splits an address into host and port.

    Raises:
      ValueError: if it is not HOST:PORT.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 1 << 16:
        raise ValueError(f"{address!r} is not HOST:PORT")
    return host, int(port)


def check_reachable(address: str) -> None:
    """Checks that a process listens at an address.

    Raises:
      ValueError: if not, or if it is not HOST:PORT.
    """
    host, port = parse(address)
    try:
        socket.create_connection((host, port), _TIMEOUT_SECONDS).close()
    except OSError as error:
        raise ValueError(f"nothing answers at {address} ({error})") from None
