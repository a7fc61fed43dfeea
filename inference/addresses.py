"""Which network addresses a remote model may have: against requests that are sent where nobody meant them.

A name is resolved by us and the connection goes to the address that was looked at, so a name server
that answers differently the second time changes nothing.
"""

from __future__ import annotations

import asyncio
import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from inference.types import EngineError, ErrorCode

Address = IPv4Address | IPv6Address
TRANSLATED = IPv6Network("64:ff9b::/96")  # ends with the IPv4 address that a gateway connects to


async def resolve(host: str, port: int, *, private: bool) -> list[Address]:
    """The addresses of ``host``, which may all be connected to.

    Raises EngineError when there is none, or when one of them is not allowed.
    """
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise EngineError(ErrorCode.UPSTREAM_UNREACHABLE, "its name is not known") from None
    addresses = [ip_address(info[4][0]) for info in found]
    for address in addresses:
        if not is_allowed(address, private=private):
            message = "its address is of a private network, which models.toml does not allow"
            raise EngineError(ErrorCode.UPSTREAM_UNREACHABLE, message)
    return addresses


def is_allowed(address: Address, *, private: bool) -> bool:
    """Public addresses are; with ``private`` also those of this machine and of private networks.

    Link-local ones never are: clouds hand out their machines' credentials there.
    """
    inner = _inner(address)
    if inner.is_link_local or inner.is_multicast or inner.is_unspecified:
        return False
    return private or inner.is_global


def _inner(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for, if it does."""
    if isinstance(address, IPv4Address):
        return address
    if address in TRANSLATED:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address
