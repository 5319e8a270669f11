"""The front of Streamable HTTP: stateless, one JSON body a request, a stream only where one is needed.

The SDK's JSON mode drops progress notices and never learns that a caller hung up; its streaming mode costs half the
throughput. So a request that carries a progress token, or listens, goes to a streaming manager, every other one to a
JSON manager, and a caller who hangs up cancels the tool in both.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import orjson
from mcp.server.lowlevel.server import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from reddit_mcp.server.envelope import LARGEST_BODY, read_body


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
        body = await read_body(receive)
        if _needs_stream(body):
            await self._stream.handle_request(scope, _replay(body, receive), send)
        else:
            await self._until_gone(scope, body, receive, send)

    async def _until_gone(self, scope: Scope, body: bytes, receive: Receive, send: Send) -> None:
        """Answer with JSON; stop working when the caller hangs up."""
        work = asyncio.create_task(self._json.handle_request(scope, _replay(body, asyncio.Event().wait), send))
        gone = asyncio.create_task(_disconnect(receive))
        try:
            await asyncio.wait((work, gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
            if not work.done():
                work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work


def _needs_stream(body: bytes) -> bool:
    """Whether the request wants notices on its way; unreadable ones are left to the SDK to refuse."""
    if b"progressToken" not in body and b"subscriptions/listen" not in body:
        return False
    try:
        message = orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    if not isinstance(message, dict):
        return False
    params = message.get("params")
    meta = params.get("_meta") if isinstance(params, dict) else None
    return message.get("method") == "subscriptions/listen" or (isinstance(meta, dict) and "progressToken" in meta)


def _replay(body: bytes, then: Any) -> Receive:
    """A receive that gives the body that was read, and after it whatever `then` gives."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return messages.pop() if messages else await then()

    return receive


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
