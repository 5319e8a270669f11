"""`tools/call` in its common form, answered without the SDK's machinery for a request.

The SDK validates a request and its result several times over and copies both; for an answer out of the cache that is
most of the work. Here a request is recognised by its plain form; whatever is not of that form goes to the SDK, so that
it alone decides what is wrong with a request. What is sent is what the SDK would send
(tests/integration/mcp_server/test_direct_calls.py compares both).
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final, cast

import orjson
from mcp.server.mcpserver import Context
from mcp.types import SERVER_INFO_META_KEY
from mcp.types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS
from mcp_types import methods
from opentelemetry import trace
from pydantic import ValidationError
from starlette.types import Receive, Scope, Send

from reddit_mcp.mcp_server.server import RedditServer
from reddit_mcp.tools import specs
from reddit_mcp.tools.declaration.tool_spec import ToolResult

VERSION_KEY: Final = "io.modelcontextprotocol/protocolVersion"
ROUTING = (b"mcp-protocol-version", b"mcp-method", b"mcp-name")
HEADERS = frozenset((*ROUTING, b"accept", b"mcp-session-id", b"last-event-id"))
"""The headers that the protocol gives a meaning."""

MESSAGE = frozenset({"jsonrpc", "id", "method", "params"})
MOST_ENVELOPES, LONGEST_ENVELOPE = 256, 2_000
"""How many of the clients' descriptions of themselves are remembered as valid, and their length in bytes."""

HANG_UP_SECONDS = 0.02
"""A call that is not answered by then is ended when its caller hangs up; before, it costs less to answer it."""


@dataclass(frozen=True, slots=True)
class DirectCall:
    """A call of one of this server's own tools."""

    id: Any
    tool: str
    arguments: dict[str, Any]
    modern: bool


class _Request:
    """What tools ask of the SDK's context: the scope of the request, and a place for progress that nobody reads."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    @property
    def request(self) -> "_Request":
        return self

    @property
    def request_context(self) -> "_Request":
        return self

    async def report_progress(self, progress: float, total: float | None = None, message: str | None = None) -> None:
        """Say nothing: the caller has given no token for progress."""


class DirectCalls:
    """Recognises and answers calls in their common form."""

    def __init__(self, server: RedditServer) -> None:
        self._server = server
        self._tools = frozenset(spec.name for spec in specs())
        # the SDK's spans belong to the traces that somebody collects
        self._off = not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
        stamp = orjson.dumps({SERVER_INFO_META_KEY: server.lowlevel.server_info_stamp})
        self._ends = {False: b"}}", True: b',"resultType":"complete","_meta":' + stamp + b"}}"}
        self._envelopes: set[bytes] = set()

    def find(self, scope: Scope, message: dict[str, Any]) -> DirectCall | None:
        """The call, if it has the common form."""
        params = None if self._off else _plain(message)
        if params is None:
            return None
        headers = _headers(scope)
        name, version = params["name"], headers.get(b"mcp-protocol-version")
        if name not in self._tools or version is None or not _takes_both(headers):
            return None
        if version in _OLD:
            return None if "_meta" in params else DirectCall(message["id"], name, params["arguments"], modern=False)
        routed = headers.get(b"mcp-method") == b"tools/call" and headers.get(b"mcp-name") == name.encode()
        if version not in _NEW or not routed or not self._is_known(params.get("_meta"), version.decode()):
            return None
        return DirectCall(message["id"], name, params["arguments"], modern=True)

    async def answer(self, call: DirectCall, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the tool and send its result; stop when the caller hangs up."""
        context = cast("Context[Any, Any]", _Request(scope))
        async with _while_there(receive):
            result = await self._server.call_tool(call.tool, call.arguments, context)
            body = self._body(call, cast("ToolResult", result))
            length = str(len(body)).encode()
            headers = [(b"content-type", b"application/json"), (b"content-length", length)]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": body})

    def _body(self, call: DirectCall, result: ToolResult) -> bytes:
        text, is_error = orjson.dumps(result.text), b"true" if result.is_error else b"false"
        return b"".join(
            (
                b'{"jsonrpc":"2.0","id":', orjson.dumps(call.id),
                b',"result":{"content":[{"type":"text","text":', text,
                b'}],"structuredContent":', result.json_content,
                b',"isError":', is_error, self._ends[call.modern],
            )
        )  # fmt: skip

    def _is_known(self, envelope: Any, version: str) -> bool:
        """Whether the SDK takes what a client says of itself; it is asked once for each."""
        if not isinstance(envelope, dict) or envelope.get(VERSION_KEY) != version:
            return False
        written = orjson.dumps(envelope)
        if written in self._envelopes:
            return True
        if "progressToken" in envelope or len(written) > LONGEST_ENVELOPE or not _is_valid(envelope, version):
            return False
        if len(self._envelopes) >= MOST_ENVELOPES:
            self._envelopes.clear()
        self._envelopes.add(written)
        return True


_OLD = frozenset(version.encode() for version in HANDSHAKE_PROTOCOL_VERSIONS)
_NEW = frozenset(version.encode() for version in MODERN_PROTOCOL_VERSIONS)


def _plain(message: dict[str, Any]) -> dict[str, Any] | None:
    """The parameters of a message that has the members of a call and no other."""
    if message.keys() != MESSAGE or (message["jsonrpc"], message["method"]) != ("2.0", "tools/call"):
        return None
    params = message["params"]
    if not isinstance(params, dict) or not params.keys() <= {"name", "arguments", "_meta"}:
        return None
    return params if isinstance(params.get("name"), str) and isinstance(params.get("arguments"), dict) else None


def _headers(scope: Scope) -> dict[bytes, bytes]:
    """The headers of the protocol; none at all where one is repeated or mirrors an argument."""
    found: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        if name in HEADERS:
            if name in found:
                return {}
            found[name] = value
        elif name.startswith(b"mcp-param-"):
            return {}
    return found


def _takes_both(headers: dict[bytes, bytes]) -> bool:
    """Whether JSON and a stream are accepted, said plainly, and no session or stream is to be taken up."""
    accepted = {part.strip() for part in headers.get(b"accept", b"").split(b",")}
    plain = {b"application/json", b"text/event-stream"} <= accepted
    return plain and b"mcp-session-id" not in headers and b"last-event-id" not in headers


def _is_valid(envelope: dict[str, Any], version: str) -> bool:
    try:
        methods.validate_client_request("tools/call", version, {"name": "any", "arguments": {}, "_meta": envelope})
    except (ValidationError, KeyError):
        return False
    return "io.modelcontextprotocol/clientCapabilities" in envelope


@contextlib.asynccontextmanager
async def _while_there(receive: Receive) -> AsyncIterator[None]:
    """End what happens inside when the caller hangs up; what is quick is not watched."""
    loop, watching = asyncio.get_running_loop(), list[asyncio.Task[None]]()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(None) as limit:

            async def watch() -> None:
                while (await receive())["type"] != "http.disconnect":
                    pass
                limit.reschedule(loop.time())

            timer = loop.call_later(HANG_UP_SECONDS, lambda: watching.append(loop.create_task(watch())))
            try:
                yield
            finally:
                timer.cancel()
                for task in watching:
                    task.cancel()
