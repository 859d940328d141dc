"""Destinations: an exact scheme, host and port, written in one way only.

Two texts name the same destination exactly if their canonical forms are equal, so that an allow
list is a comparison of strings and nothing in a name can be read in two ways. Pure.
"""

from __future__ import annotations

import ipaddress
import re

# What `canonical` accepts before it looks closer, also the pattern in the JSON Schema. No user
# name, path, query or wildcard: each has been a way to make an address look like another.
ADDRESS = r"^https?://([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?/?$"

_PARTS = re.compile(r"(https?)://([a-z0-9.-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::([0-9]{1,5}))?/?")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_DEFAULT_PORTS = {"http": 80, "https": 443}


class BadAddress(ValueError):
    """Text that is no destination; the message completes "it ..."."""


def canonical(text: str) -> str:
    """`scheme://host:port` in lower case, the port always given.

    `http` is for this machine only, because anybody on the way can read it. Raises BadAddress.
    """
    # ASCII first: lower() turns some other letters (the Kelvin sign) into ASCII ones.
    found = _PARTS.fullmatch(text.lower()) if text.isascii() else None
    if found is None:
        raise BadAddress("must be scheme, host and port, as in https://models.example:8443")
    scheme, host, port = found[1], found[2], int(found[3] or _DEFAULT_PORTS[found[1]])
    if not 1 <= port <= 65_535:
        raise BadAddress("must have a port from 1 to 65535")
    address = _address(host)
    if address is not None and address.version == 6:
        host = f"[{address.compressed}]"
    if scheme == "http" and not _is_this_machine(host, address):
        raise BadAddress("must begin with https://, unless the host is this machine")
    return f"{scheme}://{host}:{port}"


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that `host` is, None if it is a name. Raises BadAddress if it is neither."""
    try:
        if host.startswith("["):
            return ipaddress.IPv6Address(host[1:-1])
        labels = host.split(".")
        # Resolvers take 127.1, 2130706433 and 0x7f.1 for addresses. A name whose last label looks
        # like a number is therefore an address in four decimal parts, or nothing.
        if labels[-1].isdigit() or labels[-1].startswith("0x"):
            return ipaddress.IPv4Address(host)
    except ValueError:
        raise BadAddress("must have a host name or an address in its usual form") from None
    if not all(_LABEL.fullmatch(label) for label in labels):
        raise BadAddress("must have a host name of letters, digits, hyphens and dots")
    return None


def _is_this_machine(
    host: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address | None
) -> bool:
    return host == "localhost" if address is None else address.is_loopback
