"""Loopback, and nothing but loopback."""

from __future__ import annotations

import errno
import re
import socket
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from reconciler.errors import SetupError

_HOST_HEADER = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^:@/\[\]]+))(?::[0-9]*)?")


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one.

    Raises SetupError for a host that is not loopback, and a port that cannot be had.
    """
    if not _is_loopback(host):
        raise SetupError(f"The sandbox listens on loopback only, as on 127.0.0.1; not on {host}.")
    if not 0 <= port <= 65535:
        raise SetupError(f"A port is 0 to 65535; {port} is none.")
    # A name can stand for two addresses, and port 0 would be another port on each.
    address = ip_address("127.0.0.1" if host.lower() == "localhost" else host)
    family = socket.AF_INET6 if isinstance(address, IPv6Address) else socket.AF_INET
    try:
        return socket.create_server((str(address), port), family=family, backlog=1024)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise SetupError(
                f"Port {port} on {host} is in use. Choose another, or 0 for a free one."
            ) from error
        raise SetupError(f"Port {port} on {host} cannot be had: {error.strerror}.") from error


def url(listener: socket.socket) -> str:
    """http://127.0.0.1:PORT"""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@lru_cache(maxsize=256)
def is_loopback_header(value: str) -> bool:
    """Whether a Host header names this machine: another name is a web page's rebound one."""
    match = _HOST_HEADER.fullmatch(value)
    return match is not None and _is_loopback(match[1] or match[2])


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
