"""The outermost layer: a request id on everything, the Host and Origin allow-lists, limits for heads and bodies."""

import re
from collections.abc import Iterable
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reddit_mcp.http.bad_request import BadRequest
from reddit_mcp.http.middleware import cors
from reddit_mcp.http.middleware.error_boundary import guarded
from reddit_mcp.http.middleware.json_body import check_size
from reddit_mcp.observability import logs

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
MOST_HEADERS = 100
LARGEST_HEAD = 32_768


class RequestGuard:
    """Names each request and refuses those that come under a foreign name.

    A web page may reach a loopback server by a name that resolves to it (DNS rebinding); the Host and Origin headers
    give that away (MCP specification, Streamable HTTP, security warning). Health probes come under any name.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str], origins: Iterable[str]) -> None:
        self._app = app
        self._hosts = (*LOOPBACK, *hosts)
        self._origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # httptools leaves blanks around values, which MCP's header checks must not see
        scope["headers"] = [(name, value.strip()) for name, value in scope["headers"]]
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        scope["request_id"] = given if REQUEST_ID.fullmatch(given) else uuid4().hex
        app, origin = self._app_for(scope, headers)
        with logs.during(trace_id=scope["request_id"]):
            await guarded(app, scope, receive, _named(send, scope["request_id"], origin))

    def _app_for(self, scope: Scope, headers: Headers) -> tuple[ASGIApp, str | None]:
        """Who answers, and the Origin that may read the answer."""
        try:
            _check_head(scope)
            if scope["path"].startswith("/health"):
                return self._app, None
            self._check_names(headers, scope["path"])
            check_size(_declared_size(headers))
        except BadRequest as error:
            return error.answer(scope), None
        if cors.is_preflight(scope["method"], headers):
            return cors.preflight(headers), headers["origin"]
        return self._app, headers.get("origin")

    def _check_names(self, headers: Headers, path: str) -> None:
        if len(headers.getlist("host")) > 1 or len(headers.getlist("origin")) > 1:
            raise BadRequest(400, "A request has one Host and one Origin at most.")
        if not _matches(_without_port(headers.get("host", "")), self._hosts):
            raise BadRequest(421, "This server does not go by this Host name; see MCP_ALLOWED_HOSTS.")
        origin = headers.get("origin")
        if origin is None or origin in self._origins or path in cors.DISCOVERY:
            return
        own = tuple(f"{scheme}://{headers['host'].lower()}" for scheme in ("http", "https"))
        if not _is_loopback(origin) and origin not in own:  # its own pages may
            raise BadRequest(403, "Pages of this Origin may not call this server; see CORS_ORIGINS.")


def _check_head(scope: Scope) -> None:
    size = len(scope.get("query_string", b"")) + sum(len(name) + len(value) for name, value in scope["headers"])
    if len(scope["headers"]) > MOST_HEADERS or size > LARGEST_HEAD:
        raise BadRequest(431, "The request's headers are too many or too large.")


def _declared_size(headers: Headers) -> int:
    try:
        return int(headers.get("content-length", "0"))
    except ValueError:
        raise BadRequest(400, "The Content-Length is not a number.") from None


def _without_port(host: str) -> str:
    return re.sub(r":\d+$", "", host.lower())


def _matches(host: str, allowed: Iterable[str]) -> bool:
    return any(host == name or (name.startswith("*.") and host.endswith(name[1:])) for name in allowed)


def _is_loopback(origin: str) -> bool:
    scheme, _, host = origin.partition("://")
    return scheme in ("http", "https") and _without_port(host) in LOOPBACK


def _named(send: Send, request_id: str, origin: str | None) -> Send:
    async def named(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["X-Request-ID"] = request_id
            headers["X-Content-Type-Options"] = "nosniff"
            if origin is not None:
                cors.admit(headers, origin)
        await send(message)

    return named
