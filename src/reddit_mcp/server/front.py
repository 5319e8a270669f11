"""The front of Streamable HTTP: stateless, one JSON body a request, a stream only where one is needed.

The SDK's JSON mode drops progress notices and never learns that a caller hung up; its streaming mode costs half the
throughput. So a request that carries a progress token, or listens, goes to a streaming manager, every other one to a
JSON manager, and a caller who hangs up cancels the tool in both.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from mcp.server.lowlevel.server import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from reddit_mcp.server.bad_request import BadRequest
from reddit_mcp.server.message import LARGEST_BODY, Received, received


class StreamableHttp:
    """The ASGI app of `/mcp`."""

    def __init__(self, server: Server[Any]) -> None:
        self._json, self._stream = (
            StreamableHTTPSessionManager(server, json_response=json, stateless=True, max_request_body_size=LARGEST_BODY)
            for json in (True, False)
        )

    @contextlib.asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Serve while the context is open."""
        async with self._json.run(), self._stream.run():
            yield

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["method"] != "POST":  # an open GET stream would keep a paid container alive
            await Response(status_code=405, headers={"Allow": "POST"})(scope, receive, send)
            return
        try:
            found = await received(scope, receive)
        except BadRequest as error:
            await error.answer(scope)(scope, receive, send)
        except ClientDisconnect:
            return
        else:
            await self._answer(scope, found, receive, send)

    async def _answer(self, scope: Scope, found: Received, receive: Receive, send: Send) -> None:
        if _needs_stream(found.message):
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


def _needs_stream(message: dict[str, Any]) -> bool:
    """Whether the request wants notices on its way."""
    params = message.get("params")
    meta = params.get("_meta") if isinstance(params, dict) else None
    return message.get("method") == "subscriptions/listen" or (isinstance(meta, dict) and "progressToken" in meta)


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
