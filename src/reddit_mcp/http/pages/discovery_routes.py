"""What programs read about the server: its card, the catalog that names the card, security.txt and robots.txt."""

import ipaddress
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from reddit_mcp import __version__
from reddit_mcp.http.pages.public_address import PublicAddress, public_address
from reddit_mcp.settings import Settings

CARD = "application/mcp-server-card+json"
CATALOG = "application/ai-catalog+json"
SCHEMA = "https://static.modelcontextprotocol.io/schemas/v1/server-card.schema.json"
NAME = "reddit-mcp-server"
DESCRIPTION = "Reddit for AI assistants: search, posts, comments, users, trends, sentiment and keyword watches"
PUBLIC = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET",
    "Access-Control-Allow-Headers": "Content-Type",
    "Cache-Control": "public, max-age=3600",
}
VALID = timedelta(days=180)
"""How long a security.txt counts; RFC 9116, section 2.5.5, wants less than a year."""

ROBOTS = "User-agent: *\nAllow: /$\nAllow: /privacy\nAllow: /terms\nAllow: /support\nDisallow: /\n"


def discovery_routes(settings: Settings, protocols: tuple[str, ...], *, wants_key: bool) -> list[Route]:
    """The routes.

    Args:
        settings: of the server.
        protocols: the revisions of MCP that `/mcp` speaks.
        wants_key: whether calls need a key.
    """

    async def card(request: Request) -> Response:
        address = public_address(request.scope, settings)
        return _public(server_card(address, protocols, wants_key=wants_key), CARD)

    async def catalog(request: Request) -> Response:
        return _public(ai_catalog(public_address(request.scope, settings)), CATALOG)

    async def security(request: Request) -> Response:
        base = public_address(request.scope, settings).base
        return PlainTextResponse(security_text(base, settings.operator_contact, datetime.now(UTC)))

    async def robots(_request: Request) -> Response:
        return PlainTextResponse(ROBOTS)

    return [
        Route("/mcp/server-card", card, methods=["GET"]),
        Route("/.well-known/ai-catalog.json", catalog, methods=["GET"]),
        Route("/.well-known/security.txt", security, methods=["GET"]),
        Route("/robots.txt", robots, methods=["GET"]),
    ]


def server_card(address: PublicAddress, protocols: tuple[str, ...], *, wants_key: bool) -> dict[str, Any]:
    """An MCP server card (SEP-2127; https://github.com/modelcontextprotocol/experimental-ext-server-card)."""
    remote: dict[str, Any] = {
        "type": "streamable-http",
        "url": address.mcp,
        "supportedProtocolVersions": list(protocols),
    }
    if wants_key:
        remote["headers"] = [
            {
                "name": "Authorization",
                "description": "Bearer and an API key of this server's operator",
                "isRequired": True,
                "isSecret": True,
            }
        ]
    return {
        "$schema": SCHEMA,
        "name": f"{'.'.join(reversed(_labels(address)))}/{NAME}",
        "version": __version__,
        "title": "Reddit MCP Server",
        "description": DESCRIPTION,
        "websiteUrl": f"{address.base}/",
        "icons": [{"src": f"{address.base}/icon.png", "mimeType": "image/png", "sizes": ["256x256"]}],
        "remotes": [remote],
    }


def ai_catalog(address: PublicAddress) -> dict[str, Any]:
    """An AI catalog with this one server (https://github.com/Agent-Card/ai-catalog, Mapping to MCP Servers)."""
    entry = {
        "identifier": f"urn:air:{'.'.join(_labels(address))}:{NAME}",
        "displayName": "Reddit MCP Server",
        "type": CARD,
        "url": f"{address.mcp}/server-card",
    }
    host = {"displayName": "Reddit MCP Server", "documentationUrl": f"{address.base}/"}
    return {"specVersion": "1.0", "host": host, "entries": [entry]}


def security_text(base: str, contact: str | None, now: datetime) -> str:
    """Where vulnerabilities are reported (RFC 9116): to the operator, or as the support page says."""
    expires = (now + VALID).replace(hour=0, minute=0, second=0, microsecond=0)
    fields = {
        "Contact": contact or f"{base}/support",
        "Expires": expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "Preferred-Languages": "en",
        "Canonical": f"{base}/.well-known/security.txt",
    }
    return "".join(f"{name}: {value}\n" for name, value in fields.items())


def _labels(address: PublicAddress) -> list[str]:
    """The labels of the host's name, for names that begin with it; a bare IP address has none."""
    try:
        ipaddress.ip_address(address.host)
    except ValueError:
        return address.host.split(".")
    return ["localhost"]


def _public(content: dict[str, Any], media_type: str) -> Response:
    return Response(orjson.dumps(content), media_type=media_type, headers=PUBLIC)
