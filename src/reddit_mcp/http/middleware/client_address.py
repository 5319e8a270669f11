"""Where a request comes from, behind trusted proxies, and who an anonymous caller is."""

import hmac
import ipaddress
import re
from collections.abc import Sequence
from functools import lru_cache

from starlette.datastructures import Headers
from starlette.types import Scope

from reddit_mcp.settings import Network

_WITH_PORT = re.compile(r"\[(?P<v6>[^]]*)](:\d+)?|(?P<v4>[\d.]+):\d+")
_IPV6_SITE = 64

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def client_address(scope: Scope, trusted: Sequence[Network]) -> str:
    """The client's IPv4 address, or the /64 of its IPv6 address, which is what one customer has.

    `X-Forwarded-For` counts only from trusted proxies: read from the right, the first address that is no trusted
    proxy is the client; whatever stands left of it, anybody may have written.
    """
    peer = scope.get("client")
    hops = [peer[0] if peer else "", *_forwarded(scope)]
    client = _parse(hops[0])
    for address in map(_parse, hops[1:]):
        if address is None or client is None or not _within(client, trusted):
            break
        client = address
    return _site(client) if client else "unknown"


def forwarded_scheme(scope: Scope, trusted: Sequence[Network]) -> str:
    """`https` or `http`: that of the connection, or of `X-Forwarded-Proto` where the peer is a trusted proxy."""
    peer = scope.get("client")
    address = _parse(peer[0]) if peer else None
    told = Headers(scope=scope).get("x-forwarded-proto", "").rpartition(",")[2].strip().lower()
    is_told = address is not None and _within(address, trusted) and told in ("http", "https")
    return told if is_told else str(scope.get("scheme", "http"))


def anonymous_id(address: str, secret: bytes) -> str:
    """A keyed hash of the address: the same caller keeps its quota, and nobody reads addresses from the store."""
    return f"anonymous:{hmac.digest(secret, address.encode(), 'sha256').hex()[:24]}"


def _forwarded(scope: Scope) -> list[str]:
    """The forwarded hops, the nearest first."""
    lines = Headers(scope=scope).getlist("x-forwarded-for")
    return [hop.strip() for hop in ",".join(lines).split(",")][::-1]


@lru_cache(4096)  # the floods that this is asked in come from few addresses
def _parse(text: str) -> Address | None:
    if found := _WITH_PORT.fullmatch(text):
        text = found["v6"] or found["v4"] or ""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address


def _within(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)


def _site(address: Address) -> str:
    if address.version == 4:  # noqa: PLR2004 - the protocol's name
        return str(address)
    return str(ipaddress.ip_network((address, _IPV6_SITE), strict=False))
