"""What browsers must be told before their pages may call (Fetch standard, CORS protocol)."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response

EXPOSED = (
    "X-Request-ID, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, Retry-After, X-API-Key-Expires, "
    "Mcp-Session-Id, WWW-Authenticate"
)
METHODS = "GET, POST, DELETE, OPTIONS"
DISCOVERY = ("/mcp/server-card", "/.well-known/ai-catalog.json")
"""Public descriptions of the server, which pages of any Origin may read (MCP server cards, CORS requirements)."""
SECONDS = 7_200
"""How long a browser may remember the answer: the longest that Chromium does."""


def is_preflight(method: str, headers: Headers) -> bool:
    """Whether a browser asks on behalf of a page, without the page's credentials."""
    return method == "OPTIONS" and "origin" in headers and "access-control-request-method" in headers


def preflight(headers: Headers) -> Response:
    """Yes to a page whose Origin was checked, whatever headers it wants to send: clients of MCP invent new ones."""
    allowed = {
        "Access-Control-Allow-Methods": METHODS,
        "Access-Control-Allow-Headers": headers.get("access-control-request-headers", ""),
        "Access-Control-Max-Age": str(SECONDS),
    }
    return Response(status_code=204, headers=allowed)


def admit(headers: MutableHeaders, origin: str) -> None:
    """Let the page of this Origin read an answer and the headers that mean something to it."""
    headers["Access-Control-Allow-Origin"] = origin
    headers["Access-Control-Expose-Headers"] = EXPOSED
    headers.add_vary_header("Origin")
