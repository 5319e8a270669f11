"""Streamable HTTP: stateless, one JSON body a request, a stream only where one is needed.

The SDK's JSON mode drops progress notices and never learns that a caller hung up; its streaming mode costs half the
throughput. So a request that carries a progress token, or listens, goes to a streaming manager, every other one to a
JSON manager, and a caller who hangs up cancels the tool in both. With MCP_SESSIONS, clients of the 2025 protocol go
to a third manager, which keeps their sessions.
"""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from typing import Any

from mcp.server.lowlevel.server import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.types.version import HANDSHAKE_PROTOCOL_VERSIONS
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from reddit_mcp.http.middleware.json_body import LARGEST_BODY, LargeBodies, Received, received
from reddit_mcp.mcp_server.direct_calls import DirectCalls
from reddit_mcp.metering.side_requests import SideRequests

OPEN_METHODS = frozenset(
    """
    server/discover initialize notifications/initialized ping tools/list prompts/list resources/list
    resources/templates/list
    """.split()
)
"""What a visitor without a key may ask where LIST_WITHOUT_KEY is on: registries read the lists of a server."""


REFUSAL_SECONDS = 0.25, 0.75
"""How long the answer to one request too many takes: who asks without a pause is given one, and each another."""


class StreamableHttp:
    """The ASGI app of `/mcp`.

    Args:
        server: answers.
        direct: answers calls in their common form.
        sessions: whether clients of the 2025 protocol get sessions, with a stream of their own for notices.
        large: where large bodies wait for their turn.
        side: bounds what is asked beside calls, before the SDK works on it.
    """

    def __init__(
        self,
        server: Server[Any],
        direct: DirectCalls | None = None,
        *,
        sessions: bool = False,
        large: LargeBodies | None = None,
        side: SideRequests | None = None,
    ) -> None:
        self._large = large or LargeBodies()
        self._side = side
        self._direct = direct
        self._json = _manager(server, json=True)
        self._stream = _manager(server)
        self._sessions = _manager(server, stateless=False) if sessions else None

    @contextlib.asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Serve while the context is open."""
        sessions = self._sessions.run() if self._sessions else contextlib.nullcontext()
        async with self._json.run(), self._stream.run(), sessions:
            yield

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        refuse = scope.get("visitor")
        sessions = None if _is_modern(scope) or refuse else self._sessions
        if sessions and scope["method"] in ("GET", "DELETE"):
            await sessions.handle_request(scope, receive, send)
            return
        if scope["method"] != "POST":  # an open GET stream would keep a paid container alive
            await Response(status_code=405, headers={"Allow": "POST"})(scope, receive, send)
            return
        found = await received(scope, receive, send, self._large)
        if found and refuse and found.message.get("method") not in OPEN_METHODS:
            await refuse(scope, receive, send)
        elif found and self._side and (refusal := self._side.refusal(scope, found.message)):
            await asyncio.sleep(random.uniform(*REFUSAL_SECONDS))  # noqa: S311 - no secret
            await refusal(scope, receive, send)
        elif found and sessions:
            await sessions.handle_request(scope, found.replay(receive), send)
        elif found:
            await self._answer(scope, found, receive, send)

    async def _answer(self, scope: Scope, found: Received, receive: Receive, send: Send) -> None:
        if self._direct and (call := self._direct.find(scope, found.message)):
            await self._direct.answer(call, scope, receive, send)
        elif _needs_stream(found.message):
            await self._stream.handle_request(scope, found.replay(receive), send)
        else:
            await self._until_gone(scope, found, receive, send)

    async def _until_gone(self, scope: Scope, found: Received, receive: Receive, send: Send) -> None:
        """Answer with JSON; stop working when the caller hangs up."""
        work = asyncio.create_task(self._json.handle_request(scope, found.replay(asyncio.Event().wait), send))
        gone = asyncio.create_task(_disconnect(receive))
        try:
            await asyncio.wait((work, gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
            if not work.done():
                work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work


def _manager(server: Server[Any], *, json: bool = False, stateless: bool = True) -> StreamableHTTPSessionManager:
    return StreamableHTTPSessionManager(
        server, json_response=json, stateless=stateless, max_request_body_size=LARGEST_BODY
    )


def _is_modern(scope: Scope) -> bool:
    """Whether the request belongs to the protocol without sessions; the SDK asks the same header."""
    version = Headers(scope=scope).get("mcp-protocol-version")
    return version is not None and version not in HANDSHAKE_PROTOCOL_VERSIONS


def _needs_stream(message: dict[str, Any]) -> bool:
    """Whether the request wants notices on its way."""
    params = message.get("params")
    meta = params.get("_meta") if isinstance(params, dict) else None
    return message.get("method") == "subscriptions/listen" or (isinstance(meta, dict) and "progressToken" in meta)


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
