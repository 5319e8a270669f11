"""The address by which a browser reached this server, for what is copied from a page into a client."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import Scope

from reddit_mcp.http.middleware.client_address import forwarded_scheme
from reddit_mcp.settings import Settings

_HOST = re.compile(r"(?:[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*|\[[0-9A-Fa-f:.]+])(?::\d{1,5})?")
LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class PublicAddress:
    """Scheme and host, such as `https://reddit.example`, without a path."""

    base: str

    @property
    def mcp(self) -> str:
        """What clients are given."""
        return f"{self.base}/mcp"

    @property
    def host(self) -> str:
        """The host's name, without the port."""
        return urlsplit(self.base).hostname or ""

    @property
    def is_public(self) -> bool:
        """Whether clients in the cloud may reach it: they want TLS and a name that is not this machine's own."""
        return self.base.startswith("https://") and self.host not in LOOPBACK


def public_address(scope: Scope, settings: Settings) -> PublicAddress:
    """The address of a request.

    `Host` was checked against the allow-list before, and counts only when it has a host's form, since it is shown as
    part of commands. The scheme is that of the connection, or what a trusted proxy says; Apify's gateway speaks TLS.
    """
    host = Headers(scope=scope).get("host", "")
    if not _HOST.fullmatch(host):
        host = f"{settings.mcp_server_host}:{settings.mcp_server_port}"
    name = urlsplit(f"//{host}").hostname
    scheme = "https" if name in settings.apify.hosts else forwarded_scheme(scope, settings.trusted_networks)
    return PublicAddress(f"{scheme}://{host}")
