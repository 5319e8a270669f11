"""The outermost layer: a request id on everything, the Host and Origin allow-lists, and a limit for bodies."""

import re
from collections.abc import Iterable
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_BODY = 1_048_576
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


class Envelope:
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
        refusal = None if scope["path"].startswith("/health") else self._refusal(headers)
        await (refusal or self._app)(scope, receive, _named(send, scope["request_id"]))

    def _refusal(self, headers: Headers) -> PlainTextResponse | None:
        if not _matches(_without_port(headers.get("host", "")), self._hosts):
            return PlainTextResponse("This server does not go by this Host name; see MCP_ALLOWED_HOSTS.\n", 421)
        origin = headers.get("origin")
        if origin is None or origin in self._origins or _is_loopback(origin):
            return None
        return PlainTextResponse("Pages of this Origin may not call this server; see CORS_ORIGINS.\n", 403)


def _without_port(host: str) -> str:
    return re.sub(r":\d+$", "", host.lower())


def _matches(host: str, allowed: Iterable[str]) -> bool:
    return any(host == name or (name.startswith("*.") and host.endswith(name[1:])) for name in allowed)


def _is_loopback(origin: str) -> bool:
    scheme, _, host = origin.partition("://")
    return scheme in ("http", "https") and _without_port(host) in LOOPBACK


def _named(send: Send, request_id: str) -> Send:
    async def named(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message)["X-Request-ID"] = request_id
        await send(message)

    return named


async def read_body(receive: Receive) -> bytes:
    """The whole body.

    Raises:
        HTTPException: 413, it is larger than 1 MB.
    """
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > LARGEST_BODY:
            raise HTTPException(413, "A request body may have 1 MB at most.")
        more = message.get("more_body", False) and message["type"] != "http.disconnect"
    return b"".join(parts)
