"""Which addresses an endpoint's name may have: judged after every look-up, before connecting. Pure.

A name is somebody else's to change. So that it leads to no other machine of ours (a router, a
cloud's metadata, a printer) nor out to strangers, all its addresses must lie in the endpoint's
ranges, and the connection is made to one that was judged, not to the name.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from indoors_server.endpoints import Endpoint

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def _networks(*texts: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(ipaddress.ip_network(text) for text in texts)


# Never, whatever a file says: link-local (with the metadata of most clouds), the metadata addresses
# that are not, multicast, broadcast, what is no address, and ways to write one within another.
_NEVER = _networks(
    "0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4", "255.255.255.255/32",
    "100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32",
    "::/128", "fe80::/10", "fec0::/10", "ff00::/8", "fd00:ec2::254/128", "2001::/32", "2002::/16",
)  # fmt: skip
_OWN = _networks(
    "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7"
)
# IPv6 forms that end in an IPv4 address: compatible, mapped, translated (RFC 6052, 8215).
_HOLDING_V4 = _networks("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96")
_TRANSLATED_LOCALLY = ipaddress.ip_network("64:ff9b:1::/48")


def judge(one: Endpoint, found: Iterable[str], *, is_proxy: bool = False) -> str:
    """Why a connection to these addresses of its name must not be made; "" if it may.

    One that must not is enough: which of them is taken must not matter. A proxy may be anywhere
    but where nothing may be.
    """
    addresses = list(found)
    if not addresses:
        return "has no address"
    for text in addresses:
        if why := _refusal(one, text, is_proxy=is_proxy):
            return why
    return ""


def plain(text: str) -> Address:
    """The address, an IPv4 one that is written as IPv6 as what it is. Raises ValueError."""
    address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv6Address):
        is_loopback = address == ipaddress.IPv6Address("::1")
        holds = any(address in network for network in _HOLDING_V4)
        if holds and not is_loopback and int(address) != 0:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _refusal(one: Endpoint, text: str, *, is_proxy: bool) -> str:
    try:
        address = plain(text)
    except ValueError:
        return "has an answer that is no address"
    if getattr(address, "scope_id", None) or _is_never(address):
        return f"has the address {text}, which no engine may have"
    if is_proxy:
        return ""
    if one.pin:
        pinned = {ipaddress.ip_address(pin) for pin in one.pin}
        return "" if address in pinned else f"has the address {text}, which is not in its pin"
    if one.addresses:
        ranges = _networks(*one.addresses)
        what = "its addresses"
    elif one.is_closed:
        return "" if address.is_global else f"has the address {text}, which is not a public one"
    else:
        ranges, what = _OWN, "the private ranges"
    if any(address in network for network in ranges if network.version == address.version):
        return ""
    return f"has the address {text}, which is not in {what}"


def _is_never(address: Address) -> bool:
    if any(address in network for network in _NEVER if network.version == address.version):
        return True
    return address.version == 6 and address in _TRANSLATED_LOCALLY
