"""Which addresses the server may call for its users: only those that anybody could reach from anywhere.

An address is resolved once, every IP it resolves to is checked, and the connection is made to one of those that were
checked, so that a name that changes in between (DNS rebinding) changes nothing. The ranges are those of IANA's
special-purpose registries (https://www.iana.org/assignments/iana-ipv4-special-registry and -ipv6-).
"""

import asyncio
import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx

IP = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolver = Callable[[str], Awaitable[Sequence[str]]]
"""All IPs of a host name; raises OSError where there is none."""

LONGEST_HOST = 253
HTTPS_PORT = 443
FIRST_FREE_PORT = 1024
"""Ports below belong to other services, such as mail and SSH, which a request must not poke at."""

_FREE_PORTS = range(FIRST_FREE_PORT, 65_536)

_VISIBLE = re.compile(r"[!-\[\]-~]+")  # ASCII without spaces, control characters and the backslash
_NAME = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_NUMERIC_END = re.compile(r"(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)$")
"""What inet_aton and the WHATWG URL standard take for an IPv4 address: 2130706433, 0x7f.1, 0177.0.0.1, 127.1."""

_PRIVATE_NAMES = ("localhost", "internal", "local", "home.arpa", "localdomain", "intranet", "lan", "onion")

_CLOSED_V4 = tuple(
    map(
        ipaddress.IPv4Network,
        """0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24
        192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4
        168.63.129.16/32""".split(),  # the last one is Azure's host agent, on a public address
    )
)
_OPEN_V6 = ipaddress.IPv6Network("2000::/3")
"""All that is allocated for the Internet; mapped, compatible, NAT64, local and multicast addresses lie outside."""

_CLOSED_V6 = tuple(
    map(
        ipaddress.IPv6Network,
        "2001::/23 2001:db8::/32 2002::/16 3fff::/20".split(),  # Teredo and others, examples, 6to4, examples
    )
)


class Refused(ValueError):
    """The server will not call this address; the text continues the address as a sentence."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect: each of the `ips` was checked, `url` is what is asked for there."""

    url: httpx.URL
    ips: tuple[IP, ...]


class AddressCheck:
    """Checks addresses.

    Args:
        resolve: looks host names up; None = as this machine does.
        development: whether `http` to this machine itself is allowed.
    """

    def __init__(self, resolve: Resolver | None = None, *, development: bool = False) -> None:
        self._resolve = resolve or SystemResolver()
        self._development = development

    async def check(self, text: str) -> Target:
        """Resolve the address and check all that it leads to.

        Raises:
            Refused: it is no address, or leads somewhere that a stranger must not reach.
        """
        url = self.parse(text)
        ips = await self._ips(host_of(url))
        for ip in ips:
            self._check_ip(url, ip)
        return Target(url, tuple(ips))

    def parse(self, text: str) -> httpx.URL:
        """Read the address, without looking its host up.

        Raises:
            Refused: it is no address, or of a kind that is never called.
        """
        url = _read(text)
        if url.scheme != "https" and not (self._development and url.scheme == "http"):
            raise Refused("must begin with https://")
        if url.userinfo:
            raise Refused("must not carry a user name or password")
        if url.port not in (None, HTTPS_PORT, *_FREE_PORTS):
            raise Refused(f"must use port {HTTPS_PORT} or one from {FIRST_FREE_PORT} up")
        self._check_host(host_of(url))
        return url

    def _check_host(self, host: str) -> None:
        if _literal(host) or (self._development and host == "localhost"):
            return
        if _NUMERIC_END.search(host):
            raise Refused("writes an IP address in a way that is not its usual one")
        if not _NAME.fullmatch(host) or len(host) > LONGEST_HOST:
            raise Refused("has no full host name such as hooks.example.com (an international one in its xn-- form)")
        if any(host.endswith(f".{name}") for name in _PRIVATE_NAMES):
            raise Refused("names a host of a private network")

    async def _ips(self, host: str) -> list[IP]:
        if literal := _literal(host):
            return [literal]
        try:
            found = [ipaddress.ip_address(text) for text in await self._resolve(host)]
        except (OSError, ValueError):
            found = []
        if not found:
            raise Refused("has a host name that does not resolve")
        return found

    def _check_ip(self, url: httpx.URL, ip: IP) -> None:
        if self._development and ip.is_loopback:
            return
        if url.scheme != "https":
            raise Refused("must begin with https:// unless it is on this machine")
        if not is_public(ip):
            raise Refused("leads to an address that is not on the public Internet")


def is_public(ip: IP) -> bool:
    """Whether anybody on the Internet can reach this IP, and it stands for no other one."""
    if isinstance(ip, ipaddress.IPv4Address):
        return not any(ip in network for network in _CLOSED_V4)
    return ip in _OPEN_V6 and ip.scope_id is None and not any(ip in network for network in _CLOSED_V6)


class SystemResolver:
    """This machine's resolver, on threads of its own: slow names must not take those of other work."""

    def __init__(self, places: int = 4) -> None:
        self._threads = ThreadPoolExecutor(places, thread_name_prefix="resolve")

    async def __call__(self, host: str) -> Sequence[str]:
        """All IPs of a host name.

        Raises:
            OSError: there is none.
        """
        return await asyncio.get_running_loop().run_in_executor(self._threads, _look_up, host)


def _look_up(host: str) -> list[str]:
    return [str(entry[4][0]) for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]


def _read(text: str) -> httpx.URL:
    if not _VISIBLE.fullmatch(text):
        raise Refused("must be written in visible ASCII characters, without spaces and backslashes")
    try:
        url = httpx.URL(text)
        str(url.host)  # an xn-- name that stands for no name fails here
    except (httpx.InvalidURL, ValueError):
        raise Refused("is not a web address") from None
    return url


def host_of(url: httpx.URL) -> str:
    """The host as it is asked for, in ASCII; `url.host` is the form for people."""
    return url.raw_host.decode("ascii")


def _literal(host: str) -> IP | None:
    """The IP that the host is, in its usual spelling."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
